"""A clone in which everything was run once; every module that changes it has a copy of its own."""

import shutil

import pytest
from filelock import FileLock

from workflow.clone import dvc, ok, repository_in


@pytest.fixture(scope="session")
def made_by_dvc(tmp_path_factory, request):
    """A clone in which DVC has run everything, shared by the processes of pytest-xdist."""
    base = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        base = base.parent
    folder = base / "made_by_dvc"
    with FileLock(base / "made_by_dvc.lock"):
        if not (folder / "dvc.lock").is_file():
            folder.mkdir(exist_ok=True)
            ok(dvc(repository_in(folder, "smoke"), "repro"))
    return folder


@pytest.fixture(scope="module")
def by_dvc(made_by_dvc, tmp_path_factory):
    """A clone of the module's own in which DVC has run everything."""
    folder = tmp_path_factory.mktemp("by_dvc") / "clone"
    shutil.copytree(made_by_dvc, folder, symlinks=True)
    return folder
