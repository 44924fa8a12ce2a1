"""Decoded pairs as rows that can be compared, whatever the last bits of their scores are."""

import numpy as np
import torch

from cornernet.detection.decode import CornerPairs


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
