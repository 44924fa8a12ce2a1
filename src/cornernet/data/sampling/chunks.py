"""One training sample; and a chunk, the samples that one GPU of the paper's run had per iteration.

Batch-norm's statistics are taken per chunk, so its size belongs to the method (`train.chunks`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


class Sample(NamedTuple):
    """One view of one image, with k objects. Cells are of the heatmap, points are (x, y)."""

    image: NDArray[np.float32]  # [3, S, S], blue green red, normalised
    category: NDArray[np.int64]  # [k]
    tl_cell: NDArray[np.int64]  # [k, 2]
    br_cell: NDArray[np.int64]  # [k, 2]
    tl_offset: NDArray[np.float32]  # [k, 2], in cells
    br_offset: NDArray[np.float32]  # [k, 2]
    radius: NDArray[np.float32]  # [k], in cells


class Chunk(NamedTuple):
    """B samples with K object slots each, of which `mask` says which are filled.

    A tuple, so that torch's DataLoader can put it into page-locked memory.
    """

    image: Tensor  # float32 [B, 3, S, S]
    category: Tensor  # int64 [B, K]
    tl_cell: Tensor  # int64 [B, K, 2]
    br_cell: Tensor  # int64 [B, K, 2]
    tl_offset: Tensor  # float32 [B, K, 2]
    br_offset: Tensor  # float32 [B, K, 2]
    radius: Tensor  # float32 [B, K]
    mask: Tensor  # bool [B, K]

    def to(self, device: torch.device | str) -> "Chunk":
        """The same chunk on a device; from pinned memory the copies overlap with other work."""
        return Chunk(*(tensor.to(device, non_blocking=True) for tensor in self))


def chunk_of(samples: Sequence[Sample]) -> Chunk:
    """Stack samples; K is the most objects that one of them has, at least 1.

    Empty slots are 0.
    """

    def padded(arrays: Sequence[NDArray]) -> Tensor:
        one_slot = np.zeros((1, *arrays[0].shape[1:]), arrays[0].dtype)  # so that K is at least 1
        tensors = [torch.from_numpy(array) for array in (*arrays, one_slot)]
        return pad_sequence(tensors, batch_first=True)[:-1]

    images, *columns = zip(*samples, strict=True)
    mask = padded([np.ones(len(sample.category), bool) for sample in samples])
    return Chunk._make([torch.from_numpy(np.stack(images)), *map(padded, columns), mask])
