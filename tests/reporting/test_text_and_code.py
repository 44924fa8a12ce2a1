"""Text and code: whole, in step with params/differences.yaml, effects on AP found and recorded."""

import argparse
import dataclasses
import json
import re
from operator import attrgetter

import pytest

from cornernet.commands import files
from cornernet.config.load import resolve_variant
from cornernet.errors import BadInput
from cornernet.pipeline.paths import Paths, Trained
from cornernet.reporting.page import render_page
from cornernet.reporting.tables.results import write_csv
from cornernet.reporting.tables.seeds import Estimate
from cornernet.reporting.text_and_code import (
    Effect,
    load_recorded,
    parse_recorded,
    recorded_text,
    text_and_code,
)
from reporting.synthetic import PARAMS, PROVENANCE, effects, page_context, profile

MINUS = "\N{MINUS SIGN}"
# Params with a [code ...] source that change no number of the result.
HARMLESS = {"train.checkpoint_every", "train.log_every"}
FOUND = effects(
    ("stale_rows", "single_scale", "AP", -0.42, -0.61, -0.24),
    ("stale_rows", "single_scale", "AP50", 9.0, 8.0, 10.0),
    ("as_run", "single_scale", "AP", 1.0, -1.0, 3.0),
    ("as_run", "multi_scale", "AP", 2.0, None, None),
)
RECORDED_EFFECTS = (
    Effect("merge_1x1", "single_scale", Estimate(-1.24, -2.0, 0.5), recorded=True),
    Effect("mismatched_merge", "multi_scale", Estimate(0.0), recorded=True),
)
RECORDED = parse_recorded(recorded_text(RECORDED_EFFECTS, PROVENANCE))


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


def test_every_variant_that_shows_a_difference_changes_that_and_nothing_else():
    """And as the profiles that follow the code do, but where it shows what the text permits."""
    base, as_run, released = (profile(name) for name in ("differences", "as_run", "released"))
    permitted = ("all_pairs", "linear_soft_nms", "bf16_training", "bf16_testing")
    shown = {}
    for row in text_and_code(base):
        for effect in row.effects:
            shown.setdefault(effect.variant, set()).update(row.chosen)
    for variant in base.variants:
        if variant in ("baseline", "as_run", "nudged_up", "nudged_down"):
            continue
        ((name, value),) = base.variants[variant].set.items()
        choice = attrgetter(name)
        assert variant in permitted or value in (choice(as_run), choice(released)), variant
        assert name in shown[variant], variant
        assert choice(resolve_variant(base, variant)) != choice(base), variant
    assert set(shown) == set(base.variants) - {"baseline"}
    tested = {name for row in base.tested for name in row.variants}
    assert tested == set(base.variants)


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


def plain(markup):
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


@pytest.fixture
def page_text(tmp_path):
    """The page's text, and its cells of the effects by subject, of given differences."""
    context = page_context(tmp_path, figures=[])

    def text_of(differences):
        found = dataclasses.replace(context, differences=differences, recorded=RECORDED)
        section = render_page(found).split('id="text-and-code"')[1].split("</section>")[0]
        cells = {}
        for row in section.split("<tr>")[2:]:
            subject = re.search(r"<strong>(.*?)</strong>", row)[1]
            cells[subject] = plain(row.split('data-name="effect on AP">')[1].split("</td>")[0])
        return plain(section), cells

    return text_of


def test_the_page_shows_effects_or_says_why_not_and_what_was_recorded_where(page_text):
    text, cells = page_text(text_and_code(profile("paper"), FOUND))
    wanted = {
        "Boxes that soft-NMS drops": f"stale_rows {MINUS}0.4 [{MINUS}0.6, {MINUS}0.2]",
        "All of these at once": f"as_run +1.0 [{MINUS}1.0, +3.0] as_run multi scale +2.0",
        "Convolutions between the two hourglasses": "merge_1x1 not run",
        "Colour jitter": "all profiles on COCO follow the code",
    }
    assert {subject: cells[subject] for subject in wanted} == wanted
    assert "†" not in text
    text, cells = page_text(text_and_code(profile("paper"), None, RECORDED))
    between = cells["Convolutions between the two hourglasses"]
    assert between == f"merge_1x1 {MINUS}1.2 [{MINUS}2.0, +0.5] †"
    assert "† Not of this run: found by the profile differences" in text
    assert "2 cores of Some CPU with torch 2.13.0, 2026-11-25, commit 0123456789ab" in text


def test_the_package_s_file_is_of_the_variants_that_there_are():
    recorded = load_recorded()
    named = {e.variant for row in text_and_code(profile("differences")) for e in row.effects}
    assert {effect.variant for effect in recorded.effects} == named
    assert recorded.profile == "differences"
    assert re.fullmatch(r"[0-9a-f]{40}", recorded.commit), "recorded from a tree with changes"


@pytest.mark.parametrize("text", ["[]", "effects: 3", "a: [", "effects: [{variant: a}]", ""])
def test_a_damaged_file_says_how_to_mend_it(text):
    with pytest.raises(BadInput, match="make effects"):
        parse_recorded(text)


@pytest.mark.parametrize(
    ("own", "expected"),
    [(("merge_1x1", "single_scale", "AP", 3.0, 2.0, 4.0), (3.0, False)), (None, (-1.24, True))],
)
def test_a_run_s_own_effect_goes_before_the_recorded_one(own, expected):
    rows = text_and_code(profile("paper"), effects(*([own] if own else [])), RECORDED)
    (effect,) = (e for row in rows for e in row.effects if e.variant == "merge_1x1")
    assert (effect.points.value, effect.recorded) == expected


@pytest.fixture
def record(tmp_path, monkeypatch):
    """Runs the command on a run that found the given effects; returns the file it writes to."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params").symlink_to(PARAMS.resolve())
    monkeypatch.setattr(files, "REPORTING", tmp_path)
    paths = Paths("differences")
    provenance = paths.model_provenance(Trained("baseline", 0))
    provenance.parent.mkdir(parents=True)
    provenance.write_text(json.dumps(PROVENANCE))

    def run(*found):
        write_csv(effects(*found), paths.differences)
        files.record_effects(argparse.Namespace(profile="differences", set=[]))

    run.written = tmp_path / "recorded_effects.yaml"
    return run


OTHER_VARIANT = ("no_corner_pooling", "single_scale", "AP", -9.0, -10.0, -8.0)


def test_the_command_writes_every_effect_on_ap_and_nothing_else(record, capsys):
    record(
        ("stale_rows", "single_scale", "AP", -0.4249, -0.61, -0.24),
        ("stale_rows", "single_scale", "AP50", 9.0, 8.0, 10.0),
        OTHER_VARIANT,
        ("as_run", "multi_scale", "AP", 2.0, None, None),
    )
    assert "effects: 2" in capsys.readouterr().out
    assert parse_recorded(record.written.read_text()).effects == (
        Effect("stale_rows", "single_scale", Estimate(-0.42, -0.61, -0.24), recorded=True),
        Effect("as_run", "multi_scale", Estimate(2.0), recorded=True),
    )


def test_a_run_without_effects_leaves_the_file_alone(record):
    with pytest.raises(BadInput, match="try --profile differences"):
        record(OTHER_VARIANT)
    assert not record.written.exists()
