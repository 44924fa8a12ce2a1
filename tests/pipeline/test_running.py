"""One Snakemake at a time for each profile of a folder; one that only looks may do so beside it."""

import os

import pytest

from cornernet.errors import BadInput
from cornernet.pipeline.engines.running import running_alone

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
