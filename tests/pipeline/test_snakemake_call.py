"""What a call of Snakemake asks for; one at a time for each profile, but for those that only look."""

import os

import pytest

from cornernet.errors import BadInput
from cornernet.pipeline.engines.snakemake_call import refuse_repeated, running_alone, settings_of

BUSY = rf"process {os.getpid()} on .* is running profile smoke .* type the same command again"


@pytest.mark.parametrize("word", ["--cores", "--unlock", "--report-after-run"])
def test_a_second_one_of_the_profile_is_refused(graph_of, word):
    with running_alone(graph_of("smoke"), (), ["--cores", "2"]):
        with running_alone(graph_of("demo"), (), [word]):
            pass
        with pytest.raises(BadInput, match=BUSY), running_alone(graph_of("smoke"), (), [word]):
            pass
    with running_alone(graph_of("smoke"), (), [word]):
        pass


@pytest.mark.parametrize("word", ["-n", "-np", "--dry-run", "--summary", "--report=r.html"])
def test_one_that_only_looks_is_let_through(graph_of, word):
    with (
        running_alone(graph_of("smoke"), (), ["--cores", "2"]),
        running_alone(graph_of("smoke"), (), ["--cores", "2", word]),
    ):
        pass


@pytest.mark.parametrize(
    ("config", "overrides"),
    [
        ({}, ()),
        ({"set": "train.iterations=3"}, ("train.iterations=3",)),
        ({"set": ["a.b=1", "c.d=2"]}, ("a.b=1", "c.d=2")),
    ],
)
def test_overrides_are_one_or_a_list(config, overrides):
    assert settings_of({"profile": "smoke", **config}).overrides == overrides


def test_weights_have_a_profile_of_their_own(tmp_path):
    weights = tmp_path / "my weights.pkl"
    weights.touch()
    assert settings_of({"profile": "paper", "weights": str(weights)}).profile == "released_weights"
    with pytest.raises(BadInput, match="no such file"):
        settings_of({"profile": "paper", "weights": str(tmp_path / "$(touch x).pkl")})


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--config", "set=a.b=1", "set=c.d=2"], "set"),
        (["--config", "profile=demo", "--config", "set=a.b=1"], "--config"),
        (["--config=profile=demo", "profile=smoke"], "profile"),
    ],
)
def test_what_snakemake_would_forget_is_refused(words, name):
    with pytest.raises(BadInput, match=rf"{name} is given 2 times.*'set=\[\"a.b=1\", \"c.d=2\"\]'"):
        refuse_repeated(["snakemake", "-n", *words])
    refuse_repeated(["snakemake", "--config", "profile=demo", "set=a.b=1", "--cores", "2"])
