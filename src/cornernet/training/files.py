"""Atomic writes and moves of a training's files."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".unfinished-"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder; on disk, then renamed to `path`, when the block ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{TEMPORARY}{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        with temporary.open("r+b") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes left half-written in `folder`."""
    for path in folder.glob(f"{TEMPORARY}*"):
        path.unlink(missing_ok=True)


def set_aside(folder: Path) -> Path:
    """Move every file of `folder` into a new `set-aside-<n>` within it, and return that."""
    number = 1
    while (target := folder / f"set-aside-{number}").exists():
        number += 1
    target.mkdir(parents=True)
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name != LOCK:
            os.replace(path, target / path.name)
    return target


LOCK = ".lock"
