"""The reference numbers, and the record of what was compared with them.

`CORNERNET_PARITY_FIXTURES` names another folder with the same files and keys.
"""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

# The test modules that read each file.
READERS = {
    "augment": {"test_augment", "test_padding"},
    "corner_pool": {"test_corner_pool"},
    "decode": {"test_decode"},
    "full_model": {"test_full_model"},
    "gaussian": {"test_gaussian"},
    "losses": {"test_losses"},
    "postprocess": {"test_postprocess"},
    "small_model_a": {"test_small_models"},
    "small_model_b": {"test_small_models"},
    "soft_nms": {"test_soft_nms"},
    "targets": {"test_targets"},
}

WHOLE: set[str] = set()  # modules of which every test was selected
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


def array_names(name: str) -> set[str]:
    """The names of all arrays of `<name>.npz`."""
    with np.load(folder() / f"{name}.npz", allow_pickle=False) as arrays:
        return set(arrays.files)


def unused(name: str) -> set[str]:
    """Arrays of `<name>.npz` that were neither compared nor served a comparison so far."""
    return array_names(name) - set(COMPARED[name]) - USED[name]


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
