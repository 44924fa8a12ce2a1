"""The reference numbers, and what the tests of this process have looked at.

`CORNERNET_PARITY_FIXTURES` names another folder with the same files and keys.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike

from cornernet.detection.decode import CornerPairs
from cornernet.model.network import CornerOutputs

FOLDER = Path(os.environ.get("CORNERNET_PARITY_FIXTURES", Path(__file__).parent / "fixtures"))
HEADS = ("tl_heat", "br_heat", "tl_tag", "br_tag", "tl_regr", "br_regr")
# (file, array) -> the largest difference where it was compared; None where it was read alone.
LOOKED_AT: dict[tuple[str, str], float | None] = {}


class Fixture(Mapping[str, np.ndarray]):
    """The arrays of `<name>.npz` (no pickles)."""

    def __init__(self, name: str) -> None:
        self.name = name
        with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as arrays:
            self._arrays = {key: arrays[key] for key in arrays.files}

    def __getitem__(self, key: str) -> np.ndarray:
        LOOKED_AT.setdefault((self.name, key), None)
        return self._arrays[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def names(self, pattern: str) -> list[str]:
        """What the group of `pattern` stands for in the keys that match it, each once."""
        return sorted({match[1] for key in self if (match := re.fullmatch(pattern, key))})

    def tensor(self, key: str) -> torch.Tensor:
        """An array as a tensor."""
        return torch.from_numpy(self[key])

    def outputs(self, prefix: str) -> CornerOutputs:
        """The six maps of a stack."""
        return CornerOutputs(*(self.tensor(prefix + head) for head in HEADS))

    def largest(self, key: str) -> float:
        """The largest entry of an array."""
        return float(np.abs(self[key]).max(initial=0))

    def check(self, key: str, ours: ArrayLike, atol: ArrayLike = 0.0, rtol: float = 0.0) -> None:
        """Assert that `ours` has the shape and the numbers of the array `key`."""
        self.compare(key, ours, self[key], atol, rtol)

    def compare(
        self,
        key: str,
        ours: ArrayLike,
        expected: ArrayLike,
        atol: ArrayLike = 0.0,
        rtol: float = 0.0,
    ) -> None:
        """Assert that `ours` is `expected`, which comes from the array `key`.

        `atol` may be one number per entry. What the summary shows is the difference, as a part of
        the largest entry if that is above 1.
        """
        ours, expected = np.asarray(ours, np.float64), np.asarray(expected, np.float64)
        assert ours.shape == expected.shape, key
        apart = np.abs(ours - expected)
        difference = float(apart.max(initial=0) / np.abs(expected).max(initial=1))
        before = LOOKED_AT.get((self.name, key)) or 0.0
        LOOKED_AT[self.name, key] = max(difference, before)
        assert (apart <= atol + rtol * np.abs(expected)).all(), f"{key}: off by {difference:.3g}"


def valid_rows(pairs: CornerPairs) -> list[np.ndarray]:
    """Of each image [n, 8]: x1, y1, x2, y2, score, tl_score, br_score, category."""
    columns = (pairs.score, pairs.tl_score, pairs.br_score, pairs.category)
    rows = torch.cat([pairs.boxes, torch.stack(columns, dim=2)], dim=2).numpy()
    return [image[valid] for image, valid in zip(rows, pairs.valid.numpy(), strict=True)]


def in_order(rows: np.ndarray) -> np.ndarray:
    """Rows by category and box, not by score: the last bit of a sigmoid may swap two scores.

    A box's sides are cell plus offset, one addition, so they are the released code's to the bit.
    """
    return rows[np.lexsort(rows.T[[4, 3, 2, 1, 0, 7]])]
