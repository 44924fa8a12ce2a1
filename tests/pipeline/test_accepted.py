"""Results that are kept although the code that decides them changed."""

import pytest

from cornernet.cli import main
from cornernet.files import write_json
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.staleness import code
from cornernet.pipeline.staleness.accepted import accept, forget, read_accepted
from cornernet.pipeline.staleness.resolved import refresh

LOSSES = "cornernet.model.losses"
STAGE = STAGES["train"]


@pytest.fixture
def made(graph_of, monkeypatch):
    """A graph whose baseline was made with the code as it is; `change(digest)` changes losses.py."""
    graph = graph_of("smoke")
    key = graph.trained[0]
    digests = code.code_of(STAGE.deciding)
    write_json(STAGE.provenance(graph.paths, key), {"code": digests})
    refresh(graph)

    def change(digest):
        found = code.code_of
        for module in ("accepted", "resolved"):
            monkeypatch.setattr(
                f"cornernet.pipeline.staleness.{module}.code_of",
                lambda deciding: {
                    name: digest if name == LOSSES else value
                    for name, value in found(deciding).items()
                },
            )
        refresh(graph)

    return graph, change


def code_file(graph, job="train-baseline-s0"):
    return graph.paths.code(job).read_text()


def test_an_accepted_change_leaves_the_digests_as_they_were_until_the_next(made):
    graph, change = made
    before = code_file(graph)
    assert accept(graph, "*", "nothing has changed") == []
    for digest, reason in (("other", "only a faster sum"), ("third", "faster still")):
        change(digest)
        assert digest in code_file(graph)
        assert accept(graph, "train-baseline-*", reason) == ["train-baseline-s0"]
        refresh(graph)
        assert code_file(graph) == before
        assert digest in code_file(graph, "train-fixed_radius-s0")  # that one was not accepted
        (entry,) = read_accepted(graph.paths)
        assert entry["because"] == reason
        assert entry["modules"][LOSSES]["now"] == digest
    # A result that is made anew needs no acceptance.
    forget(graph.paths, "train-baseline-s0")
    refresh(graph)
    assert read_accepted(graph.paths) == []
    assert "third" in code_file(graph)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian", "--because", "it holds"], "fits no job of profile smoke"),
        (["train", "--because", " "], "--because is empty"),
    ],
)
def test_a_pattern_or_a_reason_that_says_nothing_is_refused(
    made, monkeypatch, capsys, arguments, said
):
    monkeypatch.setattr("cornernet.commands.accept.params_of", lambda options: made[0].params)
    assert main(["accept", *arguments]) == 2
    assert said in capsys.readouterr().err
