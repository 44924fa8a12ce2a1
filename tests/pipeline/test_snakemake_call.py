"""What a call of Snakemake asks for; one at a time for each profile, but for those that only look."""

import os

import pytest

from cornernet.errors import BadInput
from cornernet.pipeline.engines.snakemake_call import asked_of, refuse_repeated, running_alone

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


def test_overrides_are_one_or_a_list_and_weights_have_a_profile_of_their_own(tmp_path):
    one, other = "train.log_every=3", "train.workers=1"
    for given, expected in ((None, []), (one, [one]), ([one, other], [one, other])):
        graph, overrides = asked_of({"profile": "smoke", "set": given})
        assert overrides == expected
        assert (graph.params.train.log_every == 3) == (one in expected)
    weights = tmp_path / "my weights.pkl"
    weights.touch()
    graph, _ = asked_of({"profile": "paper", "weights": str(weights)})
    assert (graph.paths.profile, graph.released) == ("released_weights", weights)
    with pytest.raises(BadInput, match="no such file"):
        asked_of({"profile": "paper", "weights": str(tmp_path / "$(touch x).pkl")})


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
