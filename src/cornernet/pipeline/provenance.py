"""How a result was made: params, code, data, commit, versions, machine, time, and by which call."""

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

PACKAGES = (
    "torch",
    "numpy",
    "opencv-python-headless",
    "pycocotools",
    "numba",
    "pandas",
    "mlflow",
    "snakemake",
    "dvc",
)
INVOCATION = "CORNERNET_INVOCATION"  # set by the Snakefile; whoever calls stages may set it
DVC_STAGE = "DVC_STAGE"  # which DVC sets for every command that it runs


def read_provenance(path: Path) -> dict[str, Any]:
    """What is recorded in a file of provenance; empty if there is none."""
    return json.loads(path.read_text()) if path.is_file() else {}


def digest(value: Any) -> str:
    """A short digest of a plain value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def git_commit() -> str:
    """The commit of the working tree, with `-dirty` if tracked files differ; empty outside git."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def versions() -> dict[str, str]:
    """Versions of the packages that matter, those that are installed."""
    found = {}
    for name in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def hardware() -> dict[str, Any]:
    """The processor, its cores, and the GPUs if torch is loaded and sees any."""
    gpus: list[str] = []
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {"processor": _processor(), "cores": os.cpu_count(), "gpus": gpus}


def _processor() -> str:
    path = Path("/proc/cpuinfo")  # which Linux alone has
    lines = path.read_text().splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def invocation() -> str | None:
    """The call of a workflow engine that this belongs to, if any: the environment's, else `dvc`'s.

    DVC gives its commands no name for its own call, so its process gives it: when it began.
    """
    named = os.environ.get(INVOCATION)
    if named or DVC_STAGE not in os.environ:
        return named or None
    try:
        import psutil
    except ImportError:
        return None
    try:
        for caller in psutil.Process().parents():
            if any(os.path.basename(word) == "dvc" for word in caller.cmdline()[:4]):
                began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(caller.create_time()))
                return f"{began} dvc {caller.pid}"
    except psutil.Error:  # it ended meanwhile, or is another user's
        pass
    return None
