"""Clones in which everything was run once, shared by the tests of a module."""

import pytest

from workflow.clone import dvc, ok, repository_in


@pytest.fixture(scope="module")
def by_dvc(tmp_path_factory):
    """A clone in which DVC has run everything."""
    folder = repository_in(tmp_path_factory.mktemp("by_dvc"), "smoke")
    ok(dvc(folder, "repro"))
    return folder
