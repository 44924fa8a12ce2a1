"""The table of text and code: whole, in step with params/differences.yaml, and its effects on AP."""

import dataclasses
import re
from operator import attrgetter

import pandas as pd
import pytest

from cornernet.config.load import load_params, resolve_variant
from cornernet.reporting.page import render_page
from cornernet.reporting.tables.differences import possible
from cornernet.reporting.tables.results import RESULT_COLUMNS
from cornernet.reporting.text_and_code import effect_comparisons, effects_summary, text_and_code
from reporting.synthetic import PARAMS, effects, page_context, profile

# Params with a [code ...] source that change no number of the result.
HARMLESS = {"train.checkpoint_every", "train.log_every"}
FOUND = effects(
    ("stale_rows", "single_scale", "AP", -0.42, -0.61, -0.24),
    ("stale_rows", "single_scale", "AP50", 9.0, 8.0, 10.0),
    ("as_run", "single_scale", "AP", 1.0, -1.0, 3.0),
    ("as_run", "multi_scale", "AP", 2.0, None, None),
)


def test_every_row_is_whole():
    for row in text_and_code(profile("paper")):
        assert all((row.subject, row.text, row.code, row.source))
        assert row.chosen or row.effects  # the last rows choose nothing of their own
        assert bool(row.effects) != bool(row.not_shown)


def test_every_param_that_the_code_decides_is_a_row():
    """Each param of paper.yaml whose comment cites the code."""
    section, cited = [], set()
    for line in (PARAMS / "paper.yaml").read_text().splitlines():
        found = re.match(r"( *)(\w+):(.*)", line)
        if found:
            section = [*section[: len(found[1]) // 2], found[2]]
            if "[code" in found[3]:
                cited.add(".".join(section))
    listed = {name for row in text_and_code(profile("paper")) for name in row.chosen}
    assert cited - HARMLESS <= listed


def test_the_run_s_own_choice_is_shown():
    changed = load_params("paper", ["targets.min_iou=0.3"], folder=PARAMS)
    chosen = {name: value for row in text_and_code(changed) for name, value in row.chosen.items()}
    assert chosen["targets.min_iou"] == 0.3
    assert chosen["detection.soft_nms.sigma"] == 0.5


def test_every_variant_that_shows_a_difference_changes_that_and_nothing_else():
    base = profile("differences")
    shown = {}
    for row in text_and_code(base):
        for effect in row.effects:
            shown.setdefault(effect.variant, set()).update(row.chosen)
    for variant in base.variants:
        if variant in ("baseline", "as_run", "nudged_up", "nudged_down"):
            continue
        (name,) = base.variants[variant].set
        choice = attrgetter(name)
        assert name in shown[variant], variant
        assert choice(resolve_variant(base, variant)) != choice(base), variant
    assert set(shown) == set(base.variants) - {"baseline"}
    tested = {name for row in base.tested for name in row.variants}
    assert tested == set(base.variants)


def test_a_variant_chooses_as_the_profiles_that_follow_the_code():
    """Where those differ from the text; those that show what the text permits are left out."""
    permitted = ("as_run", "all_pairs", "linear_soft_nms", "bf16_training", "bf16_testing")
    as_run, released = profile("as_run"), profile("released")
    for variant, asked in profile("differences").variants.items():
        if variant.startswith("nudged") or variant in permitted:
            continue
        for name, value in asked.set.items():
            choice = attrgetter(name)
            assert value in (choice(as_run), choice(released)), variant


def test_all_at_once_is_the_profile_as_run():
    """What as_run changes of the paper, the variant changes of the baseline, and no more."""
    base, paper, as_run = (profile(name) for name in ("differences", "paper", "as_run"))
    expected = {
        name: value
        for name, value in method_params(as_run).items()
        # the demo has its own mirror
        if value != method_params(paper)[name] or name == "detection.mirror"
    }
    assert base.variants["as_run"].set == expected
    for variant in ("nudged_up", "nudged_down"):
        assert list(base.variants[variant].set) == ["train.learning_rate"]


def method_params(params):
    """The params of the paper's method by dotted name."""
    names = {}
    for section in ("targets", "augmentation", "model", "losses", "detection"):
        for key, value in dataclasses.asdict(getattr(params, section)).items():
            inner = value if isinstance(value, dict) else {"": value}
            names |= {f"{section}.{key}.{k}".rstrip("."): v for k, v in inner.items()}
    return names


def test_the_summary_has_a_line_for_each_effect_that_was_run():
    assert effects_summary(text_and_code(profile("paper"))) == ""
    lines = effects_summary(text_and_code(profile("paper"), FOUND)).splitlines()[2:]
    assert [line.split() for line in lines] == [
        ["stale_rows", "single_scale", "-0.4", "[-0.6,", "-0.2]"],
        ["as_run", "single_scale", "+1.0", "[-1.0,", "+3.0]"],
        ["as_run", "multi_scale", "+2.0"],
    ]


def test_only_what_was_scored_on_both_sides_is_compared():
    tested = {
        "baseline": "single_scale", "stale_rows": "single_scale", "mismatched_merge": "multi_scale",
    }  # fmt: skip
    rows = [(name, 0, "val", mode, "AP", 50.0, 49.0, 51.0, None) for name, mode in tested.items()]
    results = pd.DataFrame(rows, columns=list(RESULT_COLUMNS))
    (only,) = possible(effect_comparisons(), results)
    assert str(only.cell) == "stale_rows/single_scale"
    assert only.reference_name == "baseline"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Subject -> the page's cell of the effect, as text."""
    context = page_context(tmp_path_factory.mktemp("run"), figures=[])
    context = dataclasses.replace(context, differences=text_and_code(profile("paper"), FOUND))
    section = render_page(context).split('id="text-and-code"')[1].split("</section>")[0]
    assert "<th>Effect on AP</th>" in section
    found = {}
    for row in section.split("<tr>")[2:]:
        subject = re.search(r"<strong>(.*?)</strong>", row)[1]
        cell = row.split('data-name="effect on AP">')[1].split("</td>")[0]
        found[subject] = " ".join(re.sub(r"<[^>]+>", " ", cell).split())
    return found


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Boxes that soft-NMS drops", "stale_rows −0.4 [−0.6, −0.2]"),  # noqa: RUF001
        ("All of these at once", "as_run +1.0 [−1.0, +3.0] as_run multi scale +2.0"),  # noqa: RUF001
        ("Convolutions between the two hourglasses", "merge_1x1 not run"),
        ("Colour jitter", "all profiles on COCO follow the code"),
    ],
)
def test_the_page_shows_effects_or_says_why_not(cells, subject, text):
    assert cells[subject] == text
