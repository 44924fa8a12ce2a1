"""Drawings: the boxes are where they should be, whatever the image's size."""

import numpy as np
import pytest

from cornernet.detection.detector import Detections
from cornernet.detection.drawing import category_colour, draw_detections

NAMES = ("disc", "a ring with a very long name indeed", "cross")


def detections(boxes, scores):
    return Detections(np.float32(boxes), np.float32(scores), np.arange(len(scores)))


def test_a_box_has_its_colour_and_the_image_is_left_alone():
    image = np.full((480, 640, 3), 128, np.uint8)
    picture = draw_detections(image, detections([[100, 200, 300, 400]], [0.9]), NAMES)
    assert (image == 128).all()
    assert picture.shape == image.shape
    for x, y in ((100, 300), (300, 300), (200, 400), (200, 200)):
        assert tuple(picture[y, x]) == category_colour(0)
    assert tuple(picture[300, 200]) == (128, 128, 128)
    assert (picture[180:199, 102:120] != 128).any()  # the label, above the box


def test_weak_detections_are_left_out():
    image = np.zeros((400, 400, 3), np.uint8)
    found = detections([[10, 10, 90, 90], [200, 200, 300, 300]], [0.29, 0.31])
    picture = draw_detections(image, found, NAMES, least_score=0.3)
    assert not picture[:150, :150].any()
    assert picture[150:, 150:].any()
    assert not draw_detections(image, found, NAMES, least_score=0.5).any()


@pytest.mark.parametrize("size", [(1, 1), (48, 64), (3, 5000), (2000, 40), (600, 400)])
def test_any_size(size):
    image = np.zeros((*size, 3), np.uint8)
    boxes = [[-5, -5, size[1] + 9, size[0] + 9], [0, 0, 0, 0], [size[1], size[0]] * 2]
    picture = draw_detections(image, detections(boxes, [0.9, 0.8, 0.7]), NAMES)
    factor = picture.shape[0] // size[0]
    assert picture.shape == (size[0] * factor, size[1] * factor, 3)
    assert max(picture.shape) <= max(2048, *size)
    assert picture.any()
