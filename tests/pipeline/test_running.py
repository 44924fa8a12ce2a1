"""One Snakemake at a time for each profile of a folder; one that only looks may do so beside it."""

import subprocess
import sys
from pathlib import Path

import pytest

from cornernet.config import load_params
from cornernet.errors import BadInput
from cornernet.pipeline.engines.running import running_alone
from cornernet.pipeline.graph import Graph

PARAMS = Path(__file__).parents[2] / "params"
RUNNING = """
import sys
from pathlib import Path
from cornernet.config import load_params
from cornernet.pipeline.engines.running import running_alone
from cornernet.pipeline.graph import Graph
with running_alone(Graph(load_params("smoke", folder=Path(sys.argv[1]))), (), ["snakemake"]):
    print("running", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path, monkeypatch):
    """Another process, which stands for a Snakemake that runs the profile `smoke` here."""
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-c", RUNNING, PARAMS]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert process.stdout.readline() == "running\n"
    yield process
    process.kill()
    process.communicate()


def alone(profile, *words):
    return running_alone(Graph(load_params(profile, folder=PARAMS)), (), words)


def test_a_second_one_of_the_profile_is_refused_until_the_first_has_died(other):
    refused = rf"process {other.pid} on .* is running profile smoke .* type the same command again"
    for words in (("--cores", "all"), ("--unlock",), ("--report-after-run",)):
        with pytest.raises(BadInput, match=refused), alone("smoke", *words):
            pass
    with alone("demo", "--cores", "all"):
        pass
    other.kill()
    other.wait()
    with alone("smoke", "--cores", "all"):
        pass


@pytest.mark.parametrize("word", ["-n", "-np", "--dry-run", "--summary", "--report=r.html"])
def test_one_that_only_looks_is_let_through(other, word):
    with alone("smoke", "--cores", "all", word):
        pass
