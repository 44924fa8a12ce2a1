"""What is killed: how a run is set up and started, and what it must end with."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from data.download.download_case import SPLITS, Case, FaultServer
from training.tiny import make_coco
from workflow.clone import environment_of, repository_in

TESTS = Path(__file__).parents[1]
TRAINING = ("train.iterations=100", "train.checkpoint_every=7", "train.log_every=1")
# Every kind of stage up to a score, of one model.
SCORE = "reports/smoke/metrics/baseline-s0-val-single_scale.json"
DVC_STAGE = "evaluate-smoke-baseline-s0-val-single_scale"
DOWNLOAD = """
import json, sys
from pathlib import Path
from data.download.download_case import SPLITS
from cornernet.data.download.fetch import download_files
download_files(Path("coco"), json.loads(Path("manifest.json").read_text()), SPLITS)
"""
# Two agents on one host, as on two nodes.
NODES = """
export PET_NNODES=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=$0
PET_NODE_RANK=1 "$@" & PET_NODE_RANK=0 "$@"; ended=$?; wait; exit $ended
"""


@dataclass(frozen=True)
class Kind:
    """`results` are patterns of the files that must be as those of a run that nothing disturbed.

    `engine`: it starts processes that live on when it alone is killed.
    """

    name: str
    kills: int
    set_up: Callable[[Path], None]
    command: tuple[str, ...]
    results: tuple[str, ...]
    engine: bool = False

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        """Start a run in `folder`, in a process group of its own; it adds to `output.txt`."""
        environment = environment_of(folder if (folder / "src").exists() else TESTS.parent)
        environment["PYTHONPATH"] += f"{os.pathsep}{TESTS}"
        with (folder / "output.txt").open("ab") as output:
            streams = {"stdout": output, "stderr": output}
            options = {"cwd": folder, "env": environment, "start_new_session": True}
            return subprocess.Popen(self.command, **streams, **options)

    def digests(self, folder: Path) -> dict[str, str]:
        """The SHA-256 of every result."""
        files = (path for pattern in self.results for path in folder.glob(pattern))
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        }


@contextmanager
def kinds() -> Iterator[dict[str, Kind]]:
    """All kinds by name, while the server of the downloads runs."""
    python = sys.executable
    options = ("--cores", "2", "--config", "profile=smoke", "--")
    snakemake = (python, "-m", "snakemake", *options, SCORE)
    dvc = (python, "-m", "dvc", "repro", DVC_STAGE)
    scored = ("data/smoke/models/*.safetensors", "data/smoke/models/*.state", SCORE)
    with FaultServer() as server:
        data_set = partial(_data_set, server)
        listed = [
            _training("train", "1"),
            _training("nodes", "1", "bash", "-c", NODES, _free_port()),
            Kind("snakemake", 10, _clone, snakemake, scored, engine=True),
            Kind("download", 5, data_set, (python, "-c", DOWNLOAD), ("coco/*2017/*", "coco/a*/*")),
            Kind("dvc", 5, _clone, dvc, scored, engine=True),
        ]
        yield {kind.name: kind for kind in listed}


def _training(name: str, processes: str, *before: str) -> Kind:
    """`processes` on each node; `before` starts what follows it on both nodes."""
    tiny = (sys.executable, str(TESTS / "training/tiny.py"), ".", processes, *TRAINING)
    return Kind(name, 20, lambda folder: make_coco(folder / "data"), (*before, *tiny), ("m.s*",))


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def _clone(folder: Path) -> None:
    """A clone, made once: each further folder is a copy of the first."""
    first = folder.parent / "clone"
    if not first.exists():
        first.mkdir()
        repository_in(first, "smoke")
    shutil.copytree(first, folder, symlinks=True, dirs_exist_ok=True)


def _data_set(server: FaultServer, folder: Path) -> None:
    """Zips on the server that take a moment to fetch, to check and to unpack, and their manifest."""
    images = {
        f"{files.images}/{number}.jpg": hashlib.shake_256(bytes([number])).digest(6_000_000)
        for files in SPLITS.values()
        for number in range(3)
    }
    case = Case(folder / "coco", server)
    case = Case(folder / "coco", server, {**case.files, **images})
    (folder / "manifest.json").write_text(json.dumps(case.manifest))
