"""Decoding against section 4.2 written as loops."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from detection.settings import CLEAN

from cornernet.detection.decode import decode, top_corners
from cornernet.model.network import CornerOutputs


def random_outputs(seed, batch, categories, height, width, levels=None):
    """Random maps; with `levels`, logits of so many different values, so that scores tie."""
    generator = torch.Generator().manual_seed(seed)

    def normal(channels):
        return torch.randn(batch, channels, height, width, generator=generator)

    heats = [normal(categories) * 2 - 3 for _ in range(2)]
    if levels is not None:
        heats = [(heat * levels / 10).round() * 10 / levels for heat in heats]
    return CornerOutputs(*heats, normal(1), normal(1), normal(2), normal(2))


def strongest_peaks(heat, count, kernel):
    """(score, category, y, x) of the best peaks of heat [C, H, W], by loops."""
    score = heat.double().sigmoid().float().numpy()
    reach = kernel // 2
    peaks = []
    for (category, y, x), value in np.ndenumerate(score):
        window = score[
            category, max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1
        ]
        if value == window.max() and value > 0:
            peaks.append((value, category, y, x))
    return sorted(peaks, key=lambda peak: (-peak[0], *peak[1:]))[:count]


def pairs_by_loops(outputs, image, params):
    """Rows of box, score, corner scores, category in the order that `decode` promises."""
    arrays = [output[image].numpy() for output in outputs]
    tl_peaks = strongest_peaks(outputs.tl_heat[image], params.top_corners, params.peak_kernel)
    br_peaks = strongest_peaks(outputs.br_heat[image], params.top_corners, params.peak_kernel)
    rows = []
    for tl_score, category, y1, x1 in tl_peaks:
        for br_score, br_category, y2, x2 in br_peaks:
            distance = abs(arrays[2][0, y1, x1] - arrays[3][0, y2, x2])
            tl = np.float32((x1, y1)) + arrays[4][:, y1, x1]
            br = np.float32((x2, y2)) + arrays[5][:, y2, x2]
            if category != br_category or distance > params.embedding_distance or (br < tl).any():
                continue
            rows.append((*tl, *br, (tl_score + br_score) / 2, tl_score, br_score, category))
    return sorted(rows, key=lambda row: -row[4])[: params.max_pairs]


@pytest.mark.parametrize("levels", [None, 4])
@pytest.mark.parametrize(
    ("shape", "corners", "kernel", "pairs"),
    [((2, 3, 12, 20), 15, 3, 1000), ((1, 1, 9, 7), 100, 3, 1000), ((1, 4, 8, 8), 20, 5, 6)],
)
def test_equals_the_text(shape, corners, kernel, pairs, levels):
    params = replace(CLEAN, top_corners=corners, peak_kernel=kernel, max_pairs=pairs)
    for seed in range(5):
        outputs = random_outputs(seed, *shape, levels)
        found = decode(outputs, params)
        columns = (found.score, found.tl_score, found.br_score, found.category)
        rows = torch.cat([found.boxes, torch.stack(columns, dim=2)], dim=2)
        for image in range(shape[0]):
            reference = pairs_by_loops(outputs, image, params)
            valid = found.valid[image]
            assert valid.sum() == len(reference)
            assert valid[: len(reference)].all()
            if reference:
                np.testing.assert_allclose(rows[image][valid], np.array(reference), rtol=1e-6)


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
