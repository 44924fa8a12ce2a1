"""A clone in which everything was run once; every module that changes it has a copy of its own."""

import shutil

import pytest
from filelock import FileLock

from workflow.clone import dvc, ok, repository_in, snakemake


@pytest.fixture(scope="session")
def made_once(tmp_path_factory, request):
    """A clone in which Snakemake has run everything, shared by the processes of pytest-xdist."""
    base = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        base = base.parent
    folder = base / "made_once"
    with FileLock(base / "made_once.lock"):
        if not (folder / "reports/smoke/index.html").is_file():
            folder.mkdir(exist_ok=True)
            done = snakemake(repository_in(folder, "smoke"))
            ok(done)
            (folder / "console.log").write_text(done.stderr + done.stdout)
    return folder


@pytest.fixture(scope="module")
def by_snakemake(made_once, tmp_path_factory):
    """A clone of the module's own in which Snakemake has run everything, and told DVC of it."""
    folder = tmp_path_factory.mktemp("by_snakemake") / "clone"
    shutil.copytree(made_once, folder, symlinks=True)
    return folder


@pytest.fixture(scope="module")
def by_dvc(tmp_path_factory):
    """A clone of the module's own in which DVC has run everything."""
    folder = tmp_path_factory.mktemp("by_dvc")
    ok(dvc(repository_in(folder, "smoke"), "repro"))
    return folder
