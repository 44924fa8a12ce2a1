"""Text and code: whole, in step with params/differences.yaml, effects on AP found and recorded."""

import argparse
import dataclasses
import json
import math
import re
from operator import attrgetter

import pytest
from scipy.stats import t

from cornernet.commands import files
from cornernet.config.load import resolve_variant
from cornernet.errors import BadInput
from cornernet.pipeline.paths import Paths, Trained
from cornernet.reporting import text_and_code as kept
from cornernet.reporting.tables.differences import DIFFERENCE_COLUMNS, collect_differences
from cornernet.reporting.tables.results import collect_results, read_csv, write_csv
from cornernet.reporting.tables.seeds import Estimate
from cornernet.reporting.text_and_code import (
    Effect,
    effect_comparisons,
    effects_summary,
    found_effects,
    load_recorded,
    text_and_code,
)
from reporting.synthetic import PARAMS, effects, literature, profile, run_tests, write_metrics
from reporting.synthetic_page import PROVENANCE, recorded_effects

# Params with a [code ...] source that change no number of the result.
HARMLESS = {"train.checkpoint_every", "train.log_every"}


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


def test_equal_baselines_differ_from_the_baseline_by_rounding_and_are_at_least_eight_trainings():
    base = profile("differences")
    (row,) = (row for row in text_and_code(base) if row.equal)
    for variant in row.shown_by:
        ((name, value),) = base.variants[variant].set.items()
        assert name == "train.learning_rate"
        assert 0 < abs(value / base.train.learning_rate - 1) < 2e-5
    for mode in kept.EFFECT_MODES:
        tested = {name for r in base.tested if mode in r.modes for name in r.variants}
        assert len(base.train.seeds) * len({"baseline", *row.shown_by} & tested) >= 8


OWNERS = {"stale_rows": "baseline"}
EQUAL = {"baseline": 40.0, "nudged_up": 41.0}
OTHERS = {"merge_1x1": 30.0, "higher_prior": 42.5, "stale_rows": 40.5}
APS = {**EQUAL, "nudged_down": 42.0, **OTHERS}


def effects_of(folder, aps=APS, seeds=range(4), missing=(), error=0.0):
    """What is found of variants with these means of AP, whose seeds lie up to 1.5 to either side."""
    paths = [
        write_metrics(folder, f"{name}/single_scale", "val", seed=s, metrics={"AP": ap + s - 1.5})
        for name, ap in aps.items()
        for s in seeds
        if (name, s) not in missing
    ]
    tests = run_tests(collect_results(paths, literature(), "eccv"), error, None, owners=OWNERS)
    differences = collect_differences(effect_comparisons(OWNERS), tests, literature(), "eccv")
    write_csv(differences, folder / "differences.csv")
    found = found_effects(read_csv(folder / "differences.csv", DIFFERENCE_COLUMNS))
    return {effect.variant: effect for effect in found}, effects_summary(found)


def test_an_effect_is_held_against_all_equal_trainings_with_the_noise_of_training(tmp_path):
    found, summary = effects_of(tmp_path)
    half = t.ppf(0.975, 15) * math.sqrt(5 / 3 * (1 / 4 + 1 / 12))  # variance of 0 to 3, of 5 models
    for variant, value, reason in (("merge_1x1", -11, ""), ("higher_prior", 1.5, "within noise")):
        effect = found[variant]
        assert (effect.baselines, effect.points.seeds, effect.df) == (12, 4, 15)
        ends = effect.points.value, effect.points.low, effect.points.high
        assert ends == pytest.approx((value, value - half, value + half), abs=1e-5)
        assert effect.reason == reason
    assert (found["nudged_up"].baselines, found["nudged_up"].points.value) == (8, 0.0)
    tested = found["stale_rows"]  # the baseline's weights: no noise of training
    assert (tested.baselines, tested.df, tested.reason) == (4, 0.0, "")
    assert (tested.points.low, tested.points.high) == (0.5, 0.5)
    told = {line.split()[0]: line for line in summary.splitlines()}
    assert told["higher_prior"].endswith("nothing to tell: within noise")
    assert "nothing" not in told["merge_1x1"]


@pytest.mark.parametrize(
    ("run", "value", "baselines", "reason"),
    [
        ({"aps": EQUAL | OTHERS}, -10.5, 8, ""),
        ({"seeds": [0]}, -11.0, 3, "training noise unknown: one seed, and none recorded"),
        ({"missing": [("nudged_down", 3)]}, None, None, r"seeds .* differ: .*nudged_down has \[0, 1, 2\]"),
        ({"error": math.nan}, -11.0, 12, "no interval over images"),
    ],
)  # fmt: skip
def test_a_missing_baseline_and_missing_seeds_make_no_verdict_by_accident(
    tmp_path, run, value, baselines, reason
):
    effect = effects_of(tmp_path, **run)[0]["merge_1x1"]
    assert re.search(reason, effect.reason) if reason else effect.reason == ""
    assert effect.points.value == (None if value is None else pytest.approx(value))
    assert baselines in (None, effect.baselines)
    assert (effect.points.low is None) == bool(reason)


def test_a_record_of_the_older_form_says_nothing_of_its_effects(tmp_path):
    path = tmp_path / "effects.yaml"
    assert not recorded_effects(path).effects[0].reason
    path.write_text(re.sub(r" *(seeds|baselines|df|reason): .*\n", "", path.read_text()))
    reasons = {effect.reason for effect in load_recorded(path).effects}
    assert reasons == {"recorded without the noise of training"}


def method_params(params):
    """The params of the paper's method by dotted name."""
    names = {}
    for section in ("targets", "augmentation", "model", "losses", "detection"):
        for key, value in dataclasses.asdict(getattr(params, section)).items():
            inner = value if isinstance(value, dict) else {"": value}
            names |= {f"{section}.{key}.{k}".rstrip("."): v for k, v in inner.items()}
    return names


def test_the_package_s_file_is_of_the_variants_that_there_are():
    recorded = load_recorded()
    named = {e.variant for row in text_and_code(profile("differences")) for e in row.effects}
    assert {effect.variant for effect in recorded.effects} == named
    assert recorded.profile == "differences"
    assert re.fullmatch(r"[0-9a-f]{40}", recorded.commit), "recorded from a tree with changes"


@pytest.mark.parametrize("text", ["[]", "effects: 3", "a: [", "effects: [{variant: a}]", ""])
def test_a_damaged_file_says_how_to_mend_it(tmp_path, text):
    (tmp_path / "effects.yaml").write_text(text)
    with pytest.raises(BadInput, match="make effects"):
        load_recorded(tmp_path / "effects.yaml")


def test_a_run_s_own_effect_goes_before_the_recorded_one(tmp_path):
    recorded = recorded_effects(tmp_path / "effects.yaml")
    own = found_effects(effects(("merge_1x1", "single_scale", "AP", 3.0, 2.0, 4.0)))
    for sources, expected in (
        ((own, recorded.effects), (3.0, False)),
        (([], recorded.effects), (-1.24, True)),
    ):
        rows = text_and_code(profile("paper"), *sources)
        (effect,) = (e for row in rows for e in row.effects if e.variant == "merge_1x1")
        assert (effect.points.value, effect.recorded) == expected


def test_the_command_writes_every_effect_on_ap_and_nothing_else(tmp_path, monkeypatch, capsys):
    """And leaves the file alone where a run has none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params").symlink_to(PARAMS.resolve())
    monkeypatch.setattr(kept, "FILE", tmp_path / "recorded_effects.yaml")
    paths = Paths("differences")
    provenance = paths.model_provenance(Trained("baseline", 0))
    provenance.parent.mkdir(parents=True)
    provenance.write_text(json.dumps(PROVENANCE))

    def record(*found):
        write_csv(effects(*found), paths.differences)
        files.record_effects(argparse.Namespace(profile="differences", set=[]))

    other_variant = ("no_corner_pooling", "single_scale", "AP", -9.0, -10.0, -8.0)
    with pytest.raises(BadInput, match="try --profile differences"):
        record(other_variant)
    assert not kept.FILE.exists()
    record(
        ("stale_rows", "single_scale", "AP", -0.4249, -0.61, -0.24),
        ("stale_rows", "single_scale", "AP50", 9.0, 8.0, 10.0),
        other_variant,
        ("as_run", "multi_scale", "AP", 2.0, None, None),
    )
    assert "effects: 2" in capsys.readouterr().out
    assert load_recorded(kept.FILE).effects == (
        Effect("stale_rows", "single_scale", Estimate(-0.42, -0.61, -0.24), 1, 0.0, "", True),
        Effect("as_run", "multi_scale", Estimate(2.0), 1, 0.0, "", True),
    )
