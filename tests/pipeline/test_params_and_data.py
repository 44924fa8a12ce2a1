"""Params that a data set contradicts are refused; what a user should know before training is told."""

import pytest

from cornernet.config import load_params
from cornernet.data.coco.dataset import Dataset, SplitRecord
from cornernet.errors import BadInput
from cornernet.pipeline.params_and_data import notes_on_training, refuse_contradictions

TRAIN = "train.iterations=20", "train.learning_rate_drops=[]", "train.chunks=[4, 4]"
SETTING = *TRAIN, "train.checkpoint_every=10", "targets.max_objects=10"


def params(*overrides):
    return load_params("custom", [*SETTING, *overrides])


def data_set(train, val):
    """A data set of so many images by the number of their objects."""
    splits = {
        name: SplitRecord(sum(images.values()), 0, {}, {}, {}, "", "", 0, images)
        for name, images in (("train", train), ("val", val))
    }
    return Dataset("folder", (), 0, splits)


ORDINARY = data_set({"0": 60, "3": 100}, {"2": 40})


def test_what_fits_is_not_worth_a_word():
    for setting in ((), ("train.validate={every: 10, images: 40}",)):
        refuse_contradictions(params(*setting), ORDINARY)
        assert list(notes_on_training(params(*setting), ORDINARY)) == []


def test_more_images_to_validate_on_than_val_has_are_refused_where_they_are_asked_for():
    with pytest.raises(BadInput) as caught:
        refuse_contradictions(params("train.validate={every: 20, images: 41}"), ORDINARY)
    (line,) = caught.value.problems
    assert (
        line
        == "train.validate.images: 41, but val has 40 images; write 40, or null for all of them"
    )
    for every in (0, 21):  # it never validates
        refuse_contradictions(params(f"train.validate={{every: {every}, images: 41}}"), ORDINARY)


@pytest.mark.parametrize(
    ("overrides", "dataset", "note"),
    [
        (["train.chunks=[7]"], ORDINARY, "train.iterations: 20 times 7 images do not show all 160 of train; 23 would, once"),
        (["train.chunks=[4]", "data.keep_empty=false"], ORDINARY, "do not show all 100 of train; 25 would, once"),
        (["train.checkpoint_every=21"], ORDINARY, "train.checkpoint_every: 21 is beyond train.iterations, 20"),
        ([], data_set({"10": 1, "11": 2, "13": 1}, {"9": 1}), "targets.max_objects: 10, so that 5 objects of train are taught as background; an image has up to 13"),
        ([], data_set({"1": 1}, {"105": 2}), "detection.max_detections: 100, so that 10 objects of val cannot be found; an image has up to 105"),
    ],
)  # fmt: skip
def test_what_a_user_should_know_is_told_in_a_line(overrides, dataset, note):
    (line,) = notes_on_training(params(*overrides), dataset)
    assert note in line
