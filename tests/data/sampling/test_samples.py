"""Training samples depend on (seed, epoch, index) alone and hold what the params ask for."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from data.sampling.training_case import DATA, TARGETS, still, training_samples, write_split

from cornernet.data.sampling.radii import corner_radius, radius_table
from cornernet.data.sampling.samples import chunk_of
from cornernet.errors import BadInput

COUNTS = [3, 0, 1, 4, 2]


@pytest.fixture
def split(tmp_path):
    return write_split(tmp_path, COUNTS)


def same(left, right):
    return all(np.array_equal(one, other) for one, other in zip(left, right, strict=True))


def test_a_sample_depends_on_seed_epoch_and_index_alone(split):
    first, second = training_samples(split), training_samples(split)
    second.sample(5, 2)  # what was asked for before does not matter
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    for epoch, index in ((0, 0), (0, 3), (7, 3)):
        assert same(first.sample(epoch, index), second.sample(epoch, index))
    assert not same(first.sample(0, 3), first.sample(1, 3))
    assert not same(first.sample(0, 3), training_samples(split, seed=1).sample(0, 3))
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])
    assert torch.equal(torch.get_rng_state(), before[1])


def test_an_epoch_takes_each_image_once_in_an_order_of_its_own(split):
    orders = [training_samples(split).order(epoch).tolist() for epoch in range(3)]
    assert training_samples(split).order(1).tolist() == orders[1]
    orders.append(training_samples(split, seed=1).order(1).tolist())
    assert all(sorted(order) == list(range(len(COUNTS))) for order in orders)
    assert len({tuple(order) for order in orders}) == 4


def test_crowds_and_images_without_objects(split):
    everything = training_samples(split)
    assert len(everything) == 5
    no_empty = training_samples(split, data=replace(DATA, keep_empty=False))
    assert len(no_empty) == 4  # the second image has no box
    no_crowd = training_samples(split, data=replace(DATA, keep_crowd=False, keep_empty=False))
    assert len(no_crowd) == 3  # the third image's one box, id 3, is a crowd
    categories = no_crowd.sample(0, 0).category
    assert set(categories) <= set(split.boxes[0].categories[~split.boxes[0].crowd])
    assert len(categories) <= 2
    # An image that has degenerate boxes alone is empty.
    flat = split.boxes[2].boxes.copy()
    flat[:, 2] = flat[:, 0]
    boxes = (*split.boxes[:2], replace(split.boxes[2], boxes=flat), *split.boxes[3:])
    flattened = replace(split, boxes=boxes)
    assert len(training_samples(flattened, data=replace(DATA, keep_empty=False))) == 3
    assert len(training_samples(flattened).sample(0, 2).category) == 0


def test_nothing_to_train_on_and_radii_of_other_annotations_are_refused(split):
    with pytest.raises(BadInput, match=r"4 for 10 annotations; .*cornernet radii"):
        training_samples(split, radii=np.zeros(4))
    empty = replace(split, images=split.images[1:2], boxes=split.boxes[1:2])
    with pytest.raises(BadInput, match="train: no image left"):
        training_samples(empty, data=replace(DATA, keep_empty=False))
    assert len(training_samples(empty)) == 1


def test_the_first_objects_are_kept(split):
    view = still(127)  # larger than the image: nothing is cut
    whole = training_samples(split, augmentation=view).sample(0, 3)
    assert len(whole.category) == 4
    limited = replace(TARGETS, max_objects=2)
    first = training_samples(split, augmentation=view, targets=limited).sample(0, 3)
    np.testing.assert_array_equal(first.category, whole.category[:2])
    np.testing.assert_array_equal(first.br_cell, whole.br_cell[:2])
    assert len(first.radius) == 2


def test_what_is_known_of_a_box_leaves_with_it(split):
    outside = split.boxes[3].boxes.copy()
    outside[1] -= 500
    boxes = (*split.boxes[:3], replace(split.boxes[3], boxes=outside), split.boxes[4])
    table = np.arange(sum(COUNTS)) + 100.0
    samples = training_samples(replace(split, boxes=boxes), radii=table, augmentation=still(127))
    sample = samples.sample(0, 3)
    np.testing.assert_array_equal(sample.category, split.boxes[3].categories[[0, 2, 3]])
    np.testing.assert_allclose(sample.radius, table[[4, 6, 7]] * 32 / 127, rtol=1e-6)


def test_stored_radii_are_scaled_and_those_of_cut_boxes_computed_anew(split):
    table = radius_table(split, TARGETS)["radius_exact"].to_numpy()
    with_table = training_samples(split, radii=table)
    without = training_samples(split)
    marked = training_samples(split, radii=table + 1000)
    kinds = set()
    for which in itertools.product(range(10), (0, 3, 4)):
        expected = without.sample(*which).radius
        np.testing.assert_allclose(with_table.sample(*which).radius, expected, 1e-5, 1e-6)
        kinds |= set((marked.sample(*which).radius > 50).tolist())
    assert kinds == {True, False}


def test_boxes_come_back_from_cells_and_offsets_with_their_radii(split):
    """Without flip and with a crop of the input's size, a box is only moved."""
    sample = training_samples(split, augmentation=still(127)).sample(0, 3)
    sides = (split.boxes[3].boxes[:, 2:] - split.boxes[3].boxes[:, :2]) * 32 / 127
    drawn = (sample.br_cell + sample.br_offset) - (sample.tl_cell + sample.tl_offset)
    np.testing.assert_allclose(drawn, sides, rtol=1e-4)
    np.testing.assert_array_equal(sample.category, split.boxes[3].categories)
    np.testing.assert_allclose(sample.radius, corner_radius(*drawn.T[::-1], 0.7), rtol=1e-4)


def test_chunks_are_padded_with_empty_slots(split):
    samples = training_samples(split, augmentation=still(127))
    chunk = chunk_of([samples.sample(0, index) for index in (3, 1, 2)])
    assert chunk.image.shape == (3, 3, 127, 127)
    assert chunk.mask.sum(dim=1).tolist() == [4, 0, 1]
    assert chunk.tl_cell.shape == (3, 4, 2)
    whole, real = [torch.int64] * 3, [torch.float32] * 3
    assert [one.dtype for one in chunk] == [torch.float32, *whole, *real, torch.bool]
    assert chunk.radius[~chunk.mask].abs().sum() == 0
    empty = chunk_of([samples.sample(0, 1)])
    assert empty.mask.tolist() == [[False]]
    assert torch.equal(chunk.to("cpu").image, chunk.image)
