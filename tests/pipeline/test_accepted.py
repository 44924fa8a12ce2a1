"""Results that are kept although the code that decides them changed."""

from cornernet.files import write_json
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.staleness import code
from cornernet.pipeline.staleness.code import accept, forget, read_accepted
from cornernet.pipeline.staleness.resolved import refresh

LOSSES = "cornernet.model.losses"
STAGE = STAGES["train"]


def code_file(graph, job="train-baseline-s0"):
    return graph.paths.code(job).read_text()


def test_an_accepted_change_leaves_the_digests_as_they_were_until_the_next(graph_of, monkeypatch):
    graph, code_of = graph_of("smoke"), code.code_of
    made = STAGE.provenance(graph.paths, graph.trained[0])
    write_json(made, {"code": code_of(STAGE.deciding)})
    refresh(graph)

    def change(digest):
        """Of losses.py."""
        for module in ("code", "resolved"):
            monkeypatch.setattr(
                f"cornernet.pipeline.staleness.{module}.code_of",
                lambda deciding: (
                    code_of(deciding) | ({LOSSES: digest} if LOSSES in deciding else {})
                ),
            )
        refresh(graph)

    before = code_file(graph)
    assert accept(graph, "*", "nothing has changed") == []
    for digest, reason in (("other", "only a faster sum"), ("third", "faster still")):
        change(digest)
        assert digest in code_file(graph)
        assert accept(graph, "train-baseline-*", reason) == ["train-baseline-s0"]
        refresh(graph)
        assert code_file(graph) == before
        assert digest in code_file(graph, "train-full_schedule-s0")  # that one was not accepted
        (entry,) = read_accepted(graph.paths)
        assert entry["because"] == reason
        assert entry["modules"][LOSSES]["now"] == digest
    # A result that is made anew needs no acceptance.
    forget(graph.paths, "train-baseline-s0")
    refresh(graph)
    assert read_accepted(graph.paths) == []
    assert "third" in code_file(graph)
