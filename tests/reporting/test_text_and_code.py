"""The table of text and code: whole, in step with params/differences.yaml, and its effects on AP."""

import dataclasses
import re

import pandas as pd
import pytest

from cornernet.config.load import load_params, resolve_variant
from cornernet.reporting.page import render_page
from cornernet.reporting.tables.differences import DIFFERENCE_COLUMNS, possible
from cornernet.reporting.tables.results import RESULT_COLUMNS
from cornernet.reporting.text_and_code import (
    Effect,
    effect_comparisons,
    effects_summary,
    param,
    text_and_code,
)
from reporting.synthetic import PARAMS, page_context

SECTIONS = ("targets", "augmentation", "model", "losses", "detection")


def profile(name):
    return load_params(name, folder=PARAMS)


def differences(*rows):
    """differences.csv with the given (variant, mode, metric, value, ci_low, ci_high) on val."""
    tree = [(variant, "baseline", "val", *rest, None) for variant, *rest in rows]
    return pd.DataFrame(tree, columns=list(DIFFERENCE_COLUMNS))


FOUND = differences(
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


def test_every_variant_that_shows_a_difference_changes_that_and_nothing_else():
    base = profile("differences")
    shown = {}
    for row in text_and_code(base):
        for effect in row.effects:
            shown.setdefault(effect.variant, set()).update(row.chosen)
    for variant in base.variants:
        if variant in ("baseline", "as_run", "nudged_up", "nudged_down"):
            continue
        resolved = resolve_variant(base, variant)
        (name,) = base.variants[variant].set
        assert name in shown[variant], variant
        assert param(resolved, name) != param(base, name), variant
    assert set(shown) == set(base.variants) - {"baseline"}
    tested = {name for row in base.tested for name in row.variants}
    assert tested == set(base.variants)


def test_a_variant_chooses_as_the_profiles_that_follow_the_code():
    """Where those differ from the text; those that show what the text permits are left out."""
    permitted = ("as_run", "all_pairs", "linear_soft_nms", "bf16_training", "bf16_testing")
    base, as_run, released = (profile(name) for name in ("differences", "as_run", "released"))
    for variant, asked in base.variants.items():
        if variant.startswith("nudged") or variant in permitted:
            continue
        for name, value in asked.set.items():
            assert value in (param(as_run, name), param(released, name)), variant


def test_all_at_once_is_the_profile_as_run():
    """What as_run changes of the paper, the variant changes of the baseline, and no more."""
    base, paper, as_run = (profile(name) for name in ("differences", "paper", "as_run"))
    expected = {
        name: value
        for name, value in flat(as_run).items()
        if value != flat(paper)[name] or name == "detection.mirror"  # of which the demo has its own
    }
    assert base.variants["as_run"].set == expected
    for variant in ("nudged_up", "nudged_down"):
        assert list(base.variants[variant].set) == ["train.learning_rate"]


def flat(params):
    """The method's params by dotted name."""
    tree = dataclasses.asdict(params)
    names = {}
    for section in SECTIONS:
        for key, value in tree[section].items():
            inner = value if isinstance(value, dict) else {"": value}
            names |= {f"{section}.{key}.{k}".rstrip("."): v for k, v in inner.items()}
    return names


def test_effects_come_from_differences_csv():
    rows = text_and_code(profile("paper"), FOUND)
    by_variant = {}
    for row in rows:
        for effect in row.effects:
            by_variant.setdefault(effect.variant, []).append(effect)
    (stale,) = by_variant["stale_rows"]
    assert (stale.mode, stale.points.value, stale.points.low) == ("single_scale", -0.42, -0.61)
    assert [effect.mode for effect in by_variant["as_run"]] == ["single_scale", "multi_scale"]
    assert by_variant["merge_1x1"] == [Effect("merge_1x1", "", None)]


def test_the_summary_has_a_line_for_each_effect_that_was_run():
    assert effects_summary(text_and_code(profile("paper"))) == ""
    lines = effects_summary(text_and_code(profile("paper"), FOUND)).splitlines()[2:]
    assert [line.split() for line in lines] == [
        ["stale_rows", "single_scale", "-0.4", "[-0.6,", "-0.2]"],
        ["as_run", "single_scale", "+1.0", "[-1.0,", "+3.0]"],
        ["as_run", "multi_scale", "+2.0"],
    ]


def test_only_what_was_scored_on_both_sides_is_compared():
    rows = [
        (variant, 0, "val", mode, "AP", 50.0, 49.0, 51.0, None)
        for variant, mode in (
            ("baseline", "single_scale"),
            ("stale_rows", "single_scale"),
            ("mismatched_merge", "multi_scale"),
        )
    ]
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


def test_the_page_shows_effects_or_says_why_not(cells):
    minus = "\N{MINUS SIGN}"
    assert cells["Boxes that soft-NMS drops"] == f"stale_rows {minus}0.4 [{minus}0.6, {minus}0.2]"
    assert cells["All of these at once"] == (
        f"as_run +1.0 [{minus}1.0, +3.0] as_run multi scale +2.0"
    )
    assert cells["Convolutions between the two hourglasses"] == "merge_1x1 not run"
    assert cells["Colour jitter"] == "all profiles on COCO follow the code"
