"""Checkpoints that do not fit are set aside, never deleted."""

import os
from pathlib import Path

LOCK = ".lock"


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
