"""Params of the repository, wherever a test stands."""

from pathlib import Path

import pytest

from cornernet.config import load_params
from cornernet.pipeline.graph import Graph

PARAMS = Path(__file__).parents[2] / "params"


@pytest.fixture
def graph_of(tmp_path, monkeypatch):
    """Graphs of the shipped profiles, in an empty place to write in."""
    monkeypatch.chdir(tmp_path)

    def graph(profile="smoke", *overrides):
        return Graph(load_params(profile, overrides, folder=PARAMS))

    return graph
