"""The rules of the house that a machine can check: who may import whom, what starts quickly."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "cornernet"
# Each room imports from those before it, never from those after.
FLOORS = (
    ("errors", "files", "progress", "config", "processes"),
    ("data", "model"),
    ("training", "detection", "library", "evaluation", "tracking"),
    ("reporting",),
    ("pipeline",),
    ("options",),
    ("stages", "commands"),
    ("cli", "__init__", "__main__"),
)
HEAVY = ("torch", "pandas", "mlflow", "cv2", "matplotlib")
# The layer that every test of a model runs; torch's compiler takes seconds to load.
POOL = (
    "import torch; from cornernet.model.corner_pooling import corner_pool; "
    "corner_pool(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), 'top_left')"
)
# What a machine with a GPU may lack.
OPTIONAL = ("snakemake", "dvc", "mlflow", "pycocotools", "pydantic")


def imports():
    """(importing room, imported room, file) of every import within the package."""
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                parts = node.module.split(".")
                if parts[0] == "cornernet" and len(parts) > 1:
                    yield room, parts[1], path.relative_to(PACKAGE)


def test_imports_run_one_way():
    floor = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
    wrong = [
        f"{path}: {room} imports {imported}"
        for room, imported, path in imports()
        if room != imported and floor[room] < floor[imported]
    ]
    assert wrong == []


def test_the_model_knows_no_data_and_data_knows_no_model():
    crossing = [str(path) for room, other, path in imports() if {room, other} == {"data", "model"}]
    assert crossing == []


def test_only_tracking_imports_mlflow():
    users = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        if "import mlflow" in path.read_text() or "from mlflow" in path.read_text()
    }
    assert users <= {"tracking"}


@pytest.mark.parametrize(
    ("program", "absent"),
    [
        ("import cornernet; cornernet.load", HEAVY),
        ("import cornernet.commands.detect", ("snakemake", "dvc", "mlflow", "pycocotools")),
        ("main(['--help'])", HEAVY),
        ("main(['status', '--profile', 'paper'])", HEAVY),
        pytest.param("main(['plan', '--no-measure'])", ("numba", "pandas"), marks=pytest.mark.slow),
        ("import cornernet.reporting.tables.formats", ("numba", "torch")),
        ("import cornernet.stages.train, cornernet.stages.predict", OPTIONAL),
        (POOL, ("torch._dynamo",)),
    ],
)
def test_what_starts_loads_only_what_it_needs(program, absent):
    """Commands answer at once; a machine that trains needs none of the workflow's packages."""
    program = (
        "import sys, atexit\nfrom cornernet.cli import main\n"
        f"atexit.register(lambda: print('LOADED', {{*sys.modules}} & {{*{absent!r}}}))\n{program}"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE.parents[1])
    assert done.stdout.endswith("LOADED set()\n"), done.stdout[-500:] + done.stderr


def test_nothing_listens_beyond_the_loopback_address():
    makefile = (PACKAGE.parents[1] / "Makefile").read_text()
    assert "--host 127.0.0.1" in makefile
    assert "0.0.0.0" not in makefile


def test_a_reader_that_has_gone_ends_it_quietly():
    """As in `cornernet status | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "cornernet", "status", "--profile", "demo"]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    try:
        done = subprocess.run(
            command, cwd=PACKAGE.parents[1], env=environment, stdout=writing, stderr=subprocess.PIPE
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
