"""What the profile `differences` found is kept in a file, and shown where a run has not its own."""

import argparse
import dataclasses
import json
import re

import pandas as pd
import pytest

from cornernet.commands import record_effects
from cornernet.config.load import load_params
from cornernet.errors import BadInput
from cornernet.pipeline.paths import Paths, Trained
from cornernet.reporting.page import render_page
from cornernet.reporting.recorded_effects import (
    RecordedEffect,
    load_recorded,
    parse_recorded,
    recorded_text,
)
from cornernet.reporting.tables.differences import DIFFERENCE_COLUMNS
from cornernet.reporting.tables.results import write_csv
from cornernet.reporting.text_and_code import effects_to_record, text_and_code
from reporting.synthetic import PARAMS, page_context

MINUS = "\N{MINUS SIGN}"
PROVENANCE = {
    "profile": "differences",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "hardware": {"processor": "Some CPU", "cores": 2, "gpus": []},
    "packages": {"torch": "2.13.0"},
    "finished": "2026-11-25T20:15:00+00:00",
}
EFFECTS = (
    RecordedEffect("merge_1x1", "single_scale", -1.25, -2.0, 0.5),
    RecordedEffect("mismatched_merge", "multi_scale", 0.0, None, None),
)
RECORDED = parse_recorded(recorded_text(EFFECTS, PROVENANCE))


def differences(*rows):
    """differences.csv with the given (variant, mode, metric, value, ci_low, ci_high) on val."""
    tree = [(variant, "baseline", "val", *rest, None) for variant, *rest in rows]
    return pd.DataFrame(tree, columns=list(DIFFERENCE_COLUMNS))


def test_what_is_written_reads_back_with_where_it_was_found():
    assert RECORDED.effects == EFFECTS
    assert (RECORDED.profile, RECORDED.commit) == ("differences", PROVENANCE["commit"])
    assert (RECORDED.processor, RECORDED.torch) == ("2 cores of Some CPU", "2.13.0")
    assert RECORDED.finished == "2026-11-25"


def test_the_package_s_file_is_of_the_variants_that_there_are():
    recorded, params = load_recorded(), load_params("differences", folder=PARAMS)
    named = {effect.variant for row in text_and_code(params) for effect in row.effects}
    assert {effect.variant for effect in recorded.effects} == named
    assert recorded.profile == "differences"
    assert re.fullmatch(r"[0-9a-f]{40}", recorded.commit), "recorded from a tree with changes"


@pytest.mark.parametrize("text", ["[]", "effects: 3", "a: [", "effects: [{variant: a}]", ""])
def test_a_damaged_file_says_how_to_mend_it(text):
    with pytest.raises(BadInput, match="make effects"):
        parse_recorded(text)


def test_of_a_run_every_effect_on_ap_is_recorded_and_nothing_else():
    found = differences(
        ("stale_rows", "single_scale", "AP", -0.42, -0.61, -0.24),
        ("stale_rows", "single_scale", "AP50", 9.0, 8.0, 10.0),
        ("no_corner_pooling", "single_scale", "AP", -9.0, -10.0, -8.0),
        ("as_run", "multi_scale", "AP", 2.0, None, None),
    )
    assert effects_to_record(found) == (
        RecordedEffect("stale_rows", "single_scale", -0.42, -0.61, -0.24),
        RecordedEffect("as_run", "multi_scale", 2.0, None, None),
    )


def test_a_run_s_own_effect_goes_before_the_recorded_one():
    params = load_params("paper", folder=PARAMS)
    own = differences(("merge_1x1", "single_scale", "AP", 3.0, 2.0, 4.0))

    def effect(found):
        (row,) = (r for r in text_and_code(params, found, RECORDED) if "merge_1x1" in str(r))
        return row.effects[0]

    assert (effect(None).points.value, effect(None).recorded) == (-1.25, True)
    assert (effect(own).points.value, effect(own).recorded) == (3.0, False)


def section(folder, **changed):
    """The page's part on text and code, without tags."""
    context = dataclasses.replace(page_context(folder, figures=[]), **changed)
    part = render_page(context).split('id="text-and-code"')[1].split("</section>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", part).split())


def test_the_page_marks_what_was_recorded_and_says_where(tmp_path):
    params = load_params("paper", folder=PARAMS)
    rows = text_and_code(params, None, RECORDED)
    text = section(tmp_path, differences=rows, recorded=RECORDED)
    assert f"merge_1x1 {MINUS}1.2 [{MINUS}2.0, +0.5] †" in text.replace("1.3", "1.2")
    assert "† Not of this run: found by the profile differences" in text
    assert "2 cores of Some CPU with torch 2.13.0, 2026-11-25, commit 0123456789ab" in text


def test_a_page_without_recorded_effects_does_not_speak_of_them(tmp_path):
    rows = text_and_code(load_params("paper", folder=PARAMS))
    assert "†" not in section(tmp_path, differences=rows, recorded=RECORDED)


@pytest.fixture
def run_of_differences(tmp_path, monkeypatch):
    """A folder with the files that the command reads; yields where it writes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params").symlink_to(PARAMS.resolve())
    written = tmp_path / "package"
    written.mkdir()
    monkeypatch.setattr(record_effects, "FOLDER", written)
    paths = Paths("differences")
    provenance = paths.model_provenance(Trained("baseline", 0))
    provenance.parent.mkdir(parents=True)
    provenance.write_text(json.dumps(PROVENANCE))
    paths.differences.parent.mkdir(parents=True)
    return written


OPTIONS = argparse.Namespace(profile="differences", set=[])


def test_the_command_writes_what_the_run_found(run_of_differences, capsys):
    write_csv(
        differences(("stale_rows", "single_scale", "AP", -0.4249, -0.61, -0.24)),
        Paths("differences").differences,
    )
    record_effects.run(OPTIONS)
    assert "effects: 1" in capsys.readouterr().out
    (effect,) = parse_recorded((run_of_differences / "recorded_effects.yaml").read_text()).effects
    assert effect == RecordedEffect("stale_rows", "single_scale", -0.42, -0.61, -0.24)


def test_a_run_without_effects_leaves_the_file_alone(run_of_differences):
    write_csv(
        differences(("no_corner_pooling", "single_scale", "AP", -9.0, -10.0, -8.0)),
        Paths("differences").differences,
    )
    with pytest.raises(BadInput, match="try --profile differences"):
        record_effects.run(OPTIONS)
    assert list(run_of_differences.iterdir()) == []
