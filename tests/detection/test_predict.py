"""The whole of testing, on images of rectangles that a hand-made network sees exactly.

That the detections are the same on any number of devices is shown in tests/stages/test_pipeline.py.
"""

import json
import os
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from detection.detection_case import CATEGORY_IDS, CLEAN, SIZES, SMALL_MODEL, rectangle_network

from cornernet.detection.detector import (
    Detections,
    choose_detections,
    find_candidates,
    placements_of,
)
from cornernet.detection.parallel import shared_out
from cornernet.detection.predict import coco_results, predict_split, prepared_batches
from cornernet.errors import BadInput

CPU = torch.device("cpu")


def predict(split, params=CLEAN, mode="single_scale"):
    known = (rectangle_network, SMALL_MODEL, split)
    return predict_split(*known, params, mode, CPU, progress=lambda done, total: None)


@pytest.mark.parametrize("mode", ["single_scale", "gt_heatmaps", "gt_heatmaps_offsets"])
@pytest.mark.parametrize("flip", [True, False])
def test_every_rectangle_is_found(split, mode, flip):
    results = predict(split, replace(CLEAN, flip=flip), mode)
    for image, objects in zip(split.images, split.boxes, strict=True):
        best = [one for one in results if one["image_id"] == image.id][: len(objects.ids)]
        found = sorted((one["category_id"], *one["bbox"]) for one in best)
        categories = np.array(CATEGORY_IDS)[objects.categories]
        xywh = np.concatenate(
            [objects.boxes[:, :2], np.diff(objects.boxes.reshape(-1, 2, 2), axis=1)[:, 0]], axis=1
        )
        truth = sorted(np.column_stack([categories, xywh]).tolist())
        # true corners are mirrored as in training, x' = w - 1 - x: up to a pixel off, see `mirror`
        np.testing.assert_allclose(found, truth, atol=1.01 if mode.startswith("gt") else 1e-3)


def test_one_scale_lays_images_as_several_do():
    laid = [
        placements_of(60, 90, 16, replace(CLEAN, scale=0.5), mode)
        for mode in ("single_scale", "gt_heatmaps")
    ]
    assert laid == [placements_of(60, 90, 16, replace(CLEAN, scales=(0.5,)), "multi_scale")] * 2
    assert laid[0] != placements_of(60, 90, 16, CLEAN, "single_scale")


def test_multi_scale_finds_the_same(split):
    results = predict(split, replace(CLEAN, scales=(1.0, 2.0)), "multi_scale")
    for image, objects in zip(split.images, split.boxes, strict=True):
        best = [one for one in results if one["image_id"] == image.id][: len(objects.ids)]
        x1, y1, width, height = np.array([one["bbox"] for one in best]).T
        centres = sorted(zip(x1 + width / 2, y1 + height / 2, strict=True))
        middle = objects.boxes.reshape(-1, 2, 2).mean(axis=1)
        np.testing.assert_allclose(centres, sorted(middle.tolist()), atol=1.0)


@pytest.mark.parametrize("mode", ["single_scale", "multi_scale", "gt_heatmaps"])
def test_batch_size_threads_and_order_of_images_change_nothing(split, mode):
    reference = json.dumps(predict(split, CLEAN, mode))
    for size, threads in ((1, 1), (2, 3), (100, 2)):
        params = replace(CLEAN, batch_size=size, threads=threads)
        assert json.dumps(predict(split, params, mode)) == reference
    backwards = replace(split, images=split.images[::-1], boxes=split.boxes[::-1])
    assert json.dumps(predict(backwards, CLEAN, mode)) == reference


@pytest.mark.parametrize("mode", ["single_scale", "multi_scale", "gt_heatmaps_offsets"])
def test_images_of_a_batch_have_one_canvas_and_do_not_touch_each_other(split, mode):
    """As batches are made for a GPU."""
    params = replace(CLEAN, batch_size=3)
    cuda = torch.device("cuda")
    batches = list(prepared_batches(split, SMALL_MODEL.size_multiple, params, mode, cuda))
    assert sorted(one for ids, _ in batches for one in ids) == sorted(SIZES)
    assert max(len(ids) for ids, _ in batches) <= 3
    assert any(len({SIZES[one] for one in ids}) > 1 for ids, _ in batches)
    for _, images in batches:
        assert len({tuple(one.shape for one in image.canvases) for image in images}) == 1
        batch = find_candidates(rectangle_network, images, params, mode, CPU)
        for image, found in zip(images, batch, strict=True):
            (alone,) = find_candidates(rectangle_network, [image], params, mode, CPU)
            assert len(alone) > 0
            np.testing.assert_array_equal(found, alone)


def test_results_are_ordered_and_limited(split):
    params = replace(CLEAN, max_detections=3)
    results = predict(split, params)
    keys = [(one["image_id"], -one["score"]) for one in results]
    assert keys == sorted(keys)
    assert [one["image_id"] for one in results] == [i for i in sorted(SIZES) for _ in range(3)]
    assert all(type(number) is float for one in results for number in (*one["bbox"], one["score"]))


def test_what_is_missing_is_bad_input(split):
    nothing = replace(split.boxes[0], ids=np.empty(0, int))
    with pytest.raises(BadInput, match="split val has no annotations"):
        predict(replace(split, boxes=(nothing,) * 6), mode="gt_heatmaps")
    lost = replace(split.images[2], file_name="lost.png")
    images = (*split.images[:2], lost, *split.images[3:])
    with pytest.raises(BadInput, match=r"lost\.png"):
        predict(replace(split, images=images))


def test_ties_with_the_last_detection_stay_if_asked():
    rows = np.zeros((6, 8), np.float32)
    rows[:, :4] = [[10 * at, 0, 10 * at + 5, 5] for at in range(6)]
    rows[:, 4] = [0.5, 0.9, 0.5, 0.5, 0.8, 0.1]
    for keep_ties, scores in ((False, [0.9, 0.8, 0.5]), (True, [0.9, 0.8, 0.5, 0.5, 0.5])):
        params = replace(CLEAN, max_detections=3, keep_ties=keep_ties)
        found = choose_detections(rows, params, "single_scale")
        assert sorted(found.scores.tolist(), reverse=True) == pytest.approx(scores)
        assert {10.0, 40.0} < set(found.boxes[:, 0].tolist())


def test_no_side_is_negative_where_nothing_is_rounded():
    """Averaged corners of a box without extent: the evaluation server refuses -7.6e-6."""
    box = np.array([[10.0, 96.0, 12.0, 96.0 - 7.6e-6]], dtype=np.float32)
    found = Detections(box, np.array([0.5], np.float32), np.array([0]))
    (result,) = coco_results(found, 5, CATEGORY_IDS, None)
    assert result["bbox"][3] == 0.0
    assert result["bbox"][2] == 2.0


def slow_first(share, words):
    """The first share ends last."""
    time.sleep(0.5 if share.number == 0 else 0.0)
    return (share.number, share.device, words, os.getpid())


def refuse(share):
    raise BadInput([f"first problem of {share.device}", "second"])


def end_without_a_word(share):
    os._exit(9)


@pytest.mark.slow
def test_results_come_in_the_order_of_the_shares_from_processes_of_their_own():
    found = shared_out(["cpu", "other"], slow_first, ["said"])
    assert [part[:3] for part in found] == [(0, "cpu", "said"), (1, "other", "said")]
    assert os.getpid() not in {part[3] for part in found}
    assert shared_out(["cpu"], slow_first, ["said"])[0][3] == os.getpid()  # one needs no other


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "said"),
    [
        (refuse, ["first problem of a", "second"]),
        (end_without_a_word, ["one of 2 processes was killed"]),
    ],
)
def test_what_a_share_refuses_or_dies_of_is_told(work, said):
    with pytest.raises(BadInput) as caught:
        shared_out(["a", "b"], work, [])
    assert len(caught.value.problems) == len(said)
    assert all(words in line for words, line in zip(said, caught.value.problems, strict=True))
