"""The reference numbers, and the record of what was compared with them.

`CORNERNET_PARITY_FIXTURES` names another folder with the same files and keys.
"""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

COMPARED: dict[str, dict[str, float]] = defaultdict(dict)
USED: dict[str, set[str]] = defaultdict(set)


def folder() -> Path:
    """Where the fixtures lie."""
    return Path(os.environ.get("CORNERNET_PARITY_FIXTURES", Path(__file__).parent / "fixtures"))


def load(name: str) -> dict[str, np.ndarray]:
    """All arrays of `<name>.npz` (no pickles)."""
    with np.load(folder() / f"{name}.npz", allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def load_json(name: str) -> Any:
    """The content of `<name>.json`."""
    return json.loads((folder() / f"{name}.json").read_text())


def relative_difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, as a part of the largest expected entry if that is above 1."""
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    return float(np.abs(found - expected).max(initial=0)) / scale


def compared(file: str, key: str, difference: float) -> None:
    """Record that the array `key` of `file` was compared; the summary prints the largest difference."""
    COMPARED[file][key] = max(float(difference), COMPARED[file].get(key, 0.0))


def used(file: str, *keys: str) -> None:
    """Record that arrays of `file` served as inputs, parameters or case lists of a comparison."""
    USED[file].update(keys)
