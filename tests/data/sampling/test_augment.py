"""The augmentation's geometry and its draws; the colours hold in tests/parity/test_augment.py."""

from dataclasses import replace

import numpy as np
import pytest
from data.sampling.training_case import AUGMENTATION
from hypothesis import given
from hypothesis import strategies as st

from cornernet.data.sampling import geometry
from cornernet.data.sampling.augment import RandomView, augment, draw, place

PAPER = replace(AUGMENTATION, input_size=511, crop_border=128)
SMALL = replace(PAPER, input_size=127)
STILL = (("brightness", 1.0), ("contrast", 1.0), ("saturation", 1.0))


@given(st.integers(1, 700), st.integers(1, 300))
def test_centre_range_is_never_empty(side, border):
    low, high = geometry.centre_range(side, border)
    assert 0 <= low < high <= side
    assert low == side - high
    if side > 2 * border:
        assert low == border


def test_boxes_move_with_the_pixels():
    """A bright block stays under its box through crop, resize and flip."""
    image = np.zeros((300, 400, 3), np.uint8)
    image[100:150, 200:280] = 255
    boxes = np.array([[200.0, 100.0, 280.0, 150.0]])
    params = replace(PAPER, input_size=255)
    for flip in (False, True):
        draws = RandomView(0.9, (230, 130), flip, STILL, (0.0, 0.0, 0.0))
        view, placed = place(image, boxes, draws, params)
        rows, columns = np.nonzero(view[..., 0] > 127)
        # Mirrored, x becomes S - 1 - x, the convention of pixel centres: one pixel to the left.
        shift = 1 if flip else 0
        bright = [columns.min() - shift, rows.min(), columns.max() + 1 - shift, rows.max() + 1]
        np.testing.assert_allclose(placed.boxes[0], bright, atol=1.0)
        assert placed.scale == pytest.approx(255 / 229)
        assert not placed.clipped[0]


def test_clip_drops_what_is_gone_and_says_what_was_cut():
    cases = {
        (5, 5, 20, 20): (5, 5, 20, 20),  # whole
        (-5, 5, 20, 20): (0, 5, 20, 20),  # cut on the left
        (5, 5, 100, 20): (5, 5, 62, 20),  # cut at the last pixel
        (61.9, 0, 90, 62): (61.9, 0, 62, 62),  # a sliver stays
        (-50, 5, -1, 20): None,  # outside
        (5, 5, 5, 20): None,  # no width
        (30, 5, 20, 20): None,  # negative width
        (62.5, 5, 90, 20): None,  # begins beyond the last pixel
    }
    clipped, kept, cut = geometry.clip_boxes(np.array([*cases], np.float64), (63, 63))
    np.testing.assert_array_equal(clipped, [box for box in cases.values() if box])
    assert kept.tolist() == [0, 1, 2, 3]
    assert cut.tolist() == [False, True, True, True]


def many_draws(params, count=2000):
    rng = np.random.default_rng(1)
    return [draw(rng, 480, 640, params) for _ in range(count)]


def test_draws_are_distributed_as_the_params_say():
    draws = many_draws(PAPER)
    scales, counts = np.unique([one.scale for one in draws], return_counts=True)
    sides = [geometry.crop_size((511, 511), scale)[0] for scale in scales]
    assert sides == [306, 357, 408, 459, 510, 562, 613, 664]  # the released code's: 510, not 511
    assert counts.min() > 180  # of 250 expected each
    centres = np.array([one.centre for one in draws])
    assert centres.min(axis=0).tolist() == [128, 128]
    assert centres.max(axis=0).tolist() == [511, 351]
    assert np.mean([one.flip for one in draws]) == pytest.approx(0.5, abs=0.05)
    orders = {tuple(name for name, _ in one.jitters) for one in draws}
    assert len(orders) == 6
    amounts = np.array([[amount for _, amount in one.jitters] for one in draws])
    assert 0.6 <= amounts.min() < 0.605
    assert 1.395 < amounts.max() <= 1.4
    lighting = np.array([one.lighting for one in draws])
    assert lighting.std() == pytest.approx(0.1, rel=0.05)
    assert np.abs(lighting.mean(axis=0)).max() < 0.01


def test_switched_off():
    off = replace(PAPER, flip_probability=0, jitter=0, lighting_std=0)
    draws = many_draws(off, 50)
    assert not any(one.flip for one in draws)
    assert all(amount == 1 for one in draws for _, amount in one.jitters)
    assert all(one.lighting == (0, 0, 0) for one in draws)
    # what is off takes its random numbers none the less: the rest is drawn as before
    assert [one.centre for one in draws] == [one.centre for one in many_draws(PAPER, 50)]
    assert all(one.flip for one in many_draws(replace(PAPER, flip_probability=1), 50))


def test_images_smaller_than_the_border():
    for height, width in ((127, 127), (96, 40), (1, 1)):
        rng = np.random.default_rng(0)
        photo = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for _ in range(20):
            draws = draw(rng, height, width, SMALL)
            image, _ = augment(photo, np.empty((0, 4)), draws, SMALL)
            assert (image.shape, image.dtype) == ((3, 127, 127), np.float32)
            assert image.flags.c_contiguous
            assert np.isfinite(image).all()
