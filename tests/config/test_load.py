"""A params file: what it inherits, what it refuses, and the words it refuses it with."""

import dataclasses
import json
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from cornernet.config import load_params, resolve_variant
from cornernet.config.profiles import NOT_PROFILES, default_profile
from cornernet.errors import BadInput

TIES = "set: {detection.keep_ties: true}"
MINE = f"variants.mine={{weights_of: baseline, {TIES}}}"


@pytest.mark.parametrize(
    "profile", sorted({path.stem for path in Path("params").glob("*.yaml")} - NOT_PROFILES)
)
def test_every_profile_loads_and_opens_with_command_cost_and_ap(profile):
    assert load_params(profile).profile == profile
    text = Path(f"params/{profile}.yaml").read_text()
    for word in ("command", "cost", "AP "):
        assert f"#   {word}" in text[:1200]
    assert text.startswith("# yaml-language-server: $schema=./schema.json\n")
    jsonschema.validate(yaml.safe_load(text), json.loads(Path("params/schema.json").read_text()))


def test_a_profile_says_only_what_differs():
    demo, paper = load_params("demo"), load_params("paper")
    weights = {"pull_weight": 0.5, "push_weight": 0.5}
    assert demo.losses == dataclasses.replace(paper.losses, **weights)
    assert demo.detection.soft_nms == paper.detection.soft_nms
    assert demo.model != paper.model
    assert set(demo.variants) == set(paper.variants)
    assert list(load_params("released_weights").variants) == ["released_weights"]  # others: null


def test_paper_follows_the_text():
    params = load_params("paper")
    assert sum(params.train.chunks) == 49
    assert params.targets.min_iou == 0.7
    assert resolve_variant(params, "full_schedule").train.iterations == 500_000
    assert resolve_variant(params, "full_schedule").train.learning_rate_drops == (450_000,)
    assert not resolve_variant(params, "no_corner_pooling").model.corner_pooling


@pytest.mark.parametrize("profile", ["paper", "as_run", "demo"])
def test_a_fixed_radius_differs_from_the_baseline_in_nothing_else(profile):
    params = load_params(profile)
    base, fixed = (
        dataclasses.asdict(resolve_variant(params, name)) for name in ("baseline", "fixed_radius")
    )
    base, fixed = base["targets"] | base["losses"], fixed["targets"] | fixed["losses"]
    other = {name for name, value in base.items() if fixed[name] != value}
    assert other == {"penalty_reduction"}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("train.lerning_rate=1", "params train.lerning_rate: no such param; did you mean 'learning_rate'?"),
        ("modle.stacks=1", "params modle: no such param; did you mean 'model'?"),
        ("detection.soft_nms.methd=hard", "no such param; did you mean 'method'?"),
        ("train.iterations=many", "params train.iterations: Input should be a valid integer"),
        ("train.learning_rate=-1", "params train.learning_rate: Input should be greater than 0 (got -1)"),
        ("train.chunks=[]", "chunks: must be positive"),
        ("train.seeds=[1, 1]", "seeds: must differ"),
        ("train.learning_rate_drops=[9, 250001]", "train.learning_rate_drops: 250001 beyond train.iterations, 250000; write [200000], or [] for none"),
        ("variants.full_schedule.set={train.iterations: 10, train.learning_rate_drops: [11]}", "variants.full_schedule.set: params train.learning_rate_drops: 11 beyond train.iterations, 10; write [8], or []"),
        ("evaluation.confidence=.nan", "params evaluation.confidence: Input should be less than 1 (got nan)"),
        ("evaluation.halves=-1", "params evaluation.halves: Input should be greater than or equal to 0"),
        ("evaluation.halves_seed=-1", "params evaluation.halves_seed: Input should be greater than or equal"),
        ("report.assumed_noise={source: me, deviation: {AP: .nan}}", "assumed_noise.deviation: must be positive"),
        ("augmentation.input_size=512", "input_size: must be 4k - 1"),
        ("model.modules=[1, 2]", "modules: needs one number for each of the 6 dims"),
        ("targets.window=round", "params targets.window: Input should be 'disc' or 'square'"),
        ("tested=[{variants: [basline], split: val, modes: [single_scale]}]", "no variant is called 'basline'"),
        ("variants.mine={continus: baseline}", "params variants.mine.continus: no such param; did you mean 'continues'?"),
        ("tested=[{variants: [baseline], splt: val}]", "params tested.0.splt: no such param; did you mean 'split'?"),
        ("variants.mine.continues=basline", "variants.mine.continues: no variant is called 'basline'; did you mean 'baseline'?"),
        ("variants.mine.continues=mine", "variants.mine: continues itself"),
        ("variants.mine={continues: baseline, set: {train.init: w.safetensors}}", "variants.mine: continues 'baseline', so that train.init cannot start it"),
        ("variants.mine={imported: true, continues: baseline}", "variants.mine: imported weights continue nothing"),
        ("corners.variants=[basline]", "corners.variants: no variant is called 'basline'"),
        ("variants.mine.set={train.iteratons: 3}", "variants.mine.set: params train.iteratons: no such param"),
        (f"variants.mine={{weights_of: basline, {TIES}}}", "mine.weights_of: no variant is called 'basline'; did you mean 'baseline'?"),
        (f"variants.mine={{weights_of: mine, {TIES}}}", "variants.mine.weights_of: names itself"),
        ("variants.mine.weights_of=baseline", "variants.mine.set: is empty, so that it would test what 'baseline' tests"),
        ("variants.mine={weights_of: baseline, set: {train.iterations: 3, detection.flip: false}}", "mine.set: train.iterations: with `weights_of` only detection.* can differ"),
        ("variants.mine={weights_of: baseline, set: {detection: {}}}", "mine.set: detection: with `weights_of` only detection.* can differ"),
        ("variants.mine={weights_of: baseline, set: {detection.keep_tie: true}}", "variants.mine.set: params detection.keep_tie: no such param; did you mean 'keep_ties'?"),
        (f"variants.mine={{weights_of: baseline, continues: baseline, {TIES}}}", "variants.mine: with `weights_of` nothing is continued or imported"),
        (f"variants.mine={{weights_of: baseline, imported: true, {TIES}}}", "variants.mine: with `weights_of` nothing is continued or imported"),
        ([MINE, f"variants.other={{weights_of: mine, {TIES}}}"], "'mine' has none of its own; name 'baseline'"),
        ([MINE, "variants.other.continues=mine"], "continues 'mine', which is not trained"),
        ("profile=demo", "params profile: is no param; choose a profile with --profile"),
        ("train.iterations", "write it as section.key=value"),
        ("train.iterations={", "the value is not YAML"),
    ],
)  # fmt: skip
def test_bad_params_are_refused_in_one_line(override, expected):
    with pytest.raises(BadInput) as error:
        load_params("paper", [override] if isinstance(override, str) else override)
    (problem,) = error.value.problems
    assert expected in problem
    assert "\n" not in problem
    assert len(problem) < 200


def test_all_problems_are_named_at_once_and_an_unknown_name_with_the_nearest():
    with pytest.raises(BadInput) as error:
        load_params("paper", ["train.iterations=x", "train.learning_rate=y"])
    assert len(error.value.problems) == 2
    with pytest.raises(BadInput, match=r"no profile 'demmo'.*did you mean 'demo'\?"):
        load_params("demmo")
    with pytest.raises(BadInput, match=r"variant 'base_line'.*did you mean 'baseline'\?"):
        resolve_variant(load_params("demo"), "base_line")


@pytest.mark.parametrize(
    "name", ["../params/smoke", "/params/smoke", "smoke.yaml", "$(touch x)", "", 7]
)
def test_a_profile_is_named_without_folder_or_suffix(name):
    with pytest.raises(BadInput, match="give the name of a file of params/ alone"):
        load_params(name)


def test_the_default_profile_is_one_that_is_named(tmp_path, monkeypatch):
    assert default_profile() == "paper"
    (tmp_path / "params").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"profile.yaml is not there; write `profile: paper` into"):
        default_profile()
    for text, expected in (("profle: demo", "names no profile; write"), ("demo", "not a str")):
        Path("params/profile.yaml").write_text(text)
        with pytest.raises(BadInput, match=rf"profile\.yaml: .*{expected}"):
            default_profile()


def test_a_broken_profile_is_refused(tmp_path):
    for text, expected in (
        ("extends: loop\n", "extends itself through loop"),
        ("- 1\n", "must hold sections, not a list"),
        ("a: [\n", "not readable as YAML"),
    ):
        (tmp_path / "loop.yaml").write_text(text)
        with pytest.raises(BadInput, match=expected):
            load_params("loop", folder=tmp_path)


def test_a_variant_differs_in_testing_from_the_one_whose_weights_it_has():
    params = load_params("demo", [f"variants.mine={{weights_of: no_corner_pooling, {TIES}}}"])
    mine, other = (resolve_variant(params, name) for name in ("mine", "no_corner_pooling"))
    assert mine.model == other.model
    assert not mine.model.corner_pooling  # the network that the weights fit
    assert (mine.detection.keep_ties, other.detection.keep_ties) == (True, False)


def test_without_pydantic_the_same_params_come_out(monkeypatch):
    expected = load_params("demo")
    monkeypatch.setitem(sys.modules, "pydantic", None)
    assert load_params("demo") == expected
    with pytest.raises(BadInput, match="did you mean 'iterations'"):
        load_params("demo", ["train.iteration=1"])


def test_every_value_of_the_paper_profile_names_its_source():
    """Each param of sections 3 and 4 has the section, or the code, beside it."""
    lines = Path("params/paper.yaml").read_text().splitlines()
    tree = yaml.safe_load("\n".join(lines))
    for section in ("targets", "augmentation", "model", "losses"):
        for key in tree[section]:
            line = next(line for line in lines if line.strip().startswith(f"{key}:"))
            assert "#" in line, line
