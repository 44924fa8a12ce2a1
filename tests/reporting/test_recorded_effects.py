"""What the profile `differences` found is kept in a file, and shown where a run has not its own."""

import argparse
import json
import re
from dataclasses import replace

import pytest

from cornernet.commands import record_effects
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
RECORDED_EFFECTS = (
    Effect("merge_1x1", "single_scale", Estimate(-1.25, -2.0, 0.5), recorded=True),
    Effect("mismatched_merge", "multi_scale", Estimate(0.0), recorded=True),
)
RECORDED = parse_recorded(recorded_text(RECORDED_EFFECTS, PROVENANCE))


def test_what_is_written_reads_back_with_where_it_was_found():
    assert RECORDED.effects == RECORDED_EFFECTS
    assert (RECORDED.profile, RECORDED.commit) == ("differences", PROVENANCE["commit"])
    assert (RECORDED.processor, RECORDED.torch) == ("2 cores of Some CPU", "2.13.0")
    assert RECORDED.finished == "2026-11-25"


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


def test_a_run_s_own_effect_goes_before_the_recorded_one():
    own = effects(("merge_1x1", "single_scale", "AP", 3.0, 2.0, 4.0))

    def effect(found):
        rows = text_and_code(profile("paper"), found, RECORDED)
        (row,) = (row for row in rows if "merge_1x1" in str(row))
        return row.effects[0]

    assert (effect(None).points.value, effect(None).recorded) == (-1.25, True)
    assert (effect(own).points.value, effect(own).recorded) == (3.0, False)


@pytest.mark.parametrize("recorded", [RECORDED, None])
def test_the_page_marks_what_was_recorded_and_says_where(tmp_path, recorded):
    context = replace(
        page_context(tmp_path, figures=[]),
        differences=text_and_code(profile("paper"), None, recorded),
        recorded=RECORDED,
    )
    part = render_page(context).split('id="text-and-code"')[1].split("</section>")[0]
    text = " ".join(re.sub(r"<[^>]+>", " ", part).split())
    if recorded is None:
        assert "†" not in text
        return
    assert f"merge_1x1 {MINUS}1.2 [{MINUS}2.0, +0.5] †" in text.replace("1.3", "1.2")
    assert "† Not of this run: found by the profile differences" in text
    assert "2 cores of Some CPU with torch 2.13.0, 2026-11-25, commit 0123456789ab" in text


@pytest.fixture
def record(tmp_path, monkeypatch):
    """Runs the command on a run that found the given effects; returns the folder it writes to."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params").symlink_to(PARAMS.resolve())
    written = tmp_path / "package"
    written.mkdir()
    monkeypatch.setattr(record_effects, "FOLDER", written)
    paths = Paths("differences")
    provenance = paths.model_provenance(Trained("baseline", 0))
    provenance.parent.mkdir(parents=True)
    provenance.write_text(json.dumps(PROVENANCE))

    def run(*found):
        write_csv(effects(*found), paths.differences)
        record_effects.run(argparse.Namespace(profile="differences", set=[]))

    run.written = written
    return run


def test_the_command_writes_every_effect_on_ap_and_nothing_else(record, capsys):
    record(
        ("stale_rows", "single_scale", "AP", -0.4249, -0.61, -0.24),
        ("stale_rows", "single_scale", "AP50", 9.0, 8.0, 10.0),
        ("no_corner_pooling", "single_scale", "AP", -9.0, -10.0, -8.0),
        ("as_run", "multi_scale", "AP", 2.0, None, None),
    )
    assert "effects: 2" in capsys.readouterr().out
    assert parse_recorded((record.written / "recorded_effects.yaml").read_text()).effects == (
        Effect("stale_rows", "single_scale", Estimate(-0.42, -0.61, -0.24), recorded=True),
        Effect("as_run", "multi_scale", Estimate(2.0), recorded=True),
    )


def test_a_run_without_effects_leaves_the_file_alone(record):
    with pytest.raises(BadInput, match="try --profile differences"):
        record(("no_corner_pooling", "single_scale", "AP", -9.0, -10.0, -8.0))
    assert list(record.written.iterdir()) == []
