"""Decoding where scores tie, cells are empty and limits are met. Its pairs are in tests/parity."""

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


def test_empty_cells_are_no_candidates():
    """Certain cells are corners, neighbours too; the rest of the map is not, though K is larger."""
    heat = torch.full((1, 2, 16, 16), -torch.inf)
    heat[0, 1, 4, 5] = heat[0, 1, 4, 6] = torch.inf
    br_heat = torch.full((1, 2, 16, 16), -torch.inf)
    br_heat[0, 1, 9, 9] = torch.inf
    maps = [torch.zeros(1, channels, 16, 16) for channels in (1, 1, 2, 2)]

    found = decode(CornerOutputs(heat, br_heat, *maps), CLEAN)

    assert found.boxes[found.valid].tolist() == [[5, 4, 9, 9], [6, 4, 9, 9]]
    assert found.score[found.valid].tolist() == [1, 1]
    assert found.category[found.valid].tolist() == [1, 1]


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
