"""Decoding where scores tie and limits are met.

Its pairs are in tests/parity; that empty cells are no candidates is in test_substitution.py."""

from dataclasses import replace

import torch
from detection.settings import CLEAN

from cornernet.detection.decode import decode, top_corners
from cornernet.model.network import CornerOutputs


def test_equal_scores_keep_the_order_of_their_place():
    corners = top_corners(torch.zeros(1, 12, 64, 64), 20, 3)
    assert corners.x[0].tolist() == list(range(20))
    assert not corners.y.any()
    assert not corners.category.any()


def test_limits_are_strict():
    """A distance of exactly the threshold passes, and so does a box without width or height."""
    heat = torch.full((1, 1, 8, 8), -9.0)
    heat[0, 0, 3, 3] = 2.0
    embedding = torch.zeros(1, 1, 8, 8)
    offset = torch.zeros(1, 2, 8, 8)
    outputs = CornerOutputs(heat, heat, embedding, embedding + 0.5, offset, offset)
    params = replace(CLEAN, top_corners=1)
    assert decode(outputs, params).boxes.tolist() == [[[3, 3, 3, 3]]]
    assert decode(outputs, params).valid.all()
    further = outputs._replace(br_embedding=embedding + 0.500001)
    assert not decode(further, params).valid.any()
    before = outputs._replace(br_offset=offset - 1e-6)
    assert not decode(before, params).valid.any()
