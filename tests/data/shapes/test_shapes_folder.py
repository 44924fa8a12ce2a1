"""The embedded data set on disk: the same bytes everywhere, all of it or nothing, the user's left alone."""

import dataclasses
import hashlib
import json

import cv2
import numpy as np
import pytest
from data.shapes.shapes_case import SMALL, SPLITS, boxes_of

from cornernet.config.schema import Data, SplitFiles
from cornernet.data.coco.check import check_dataset
from cornernet.data.coco.split import load_split
from cornernet.data.shapes import generate as shapes
from cornernet.data.shapes.generate import MARKER, SPLIT_NUMBERS, draw_image, generate_shapes
from cornernet.errors import BadInput

# Of all files of SMALL with errors of annotation; it changes with the generator, and with nothing else.
DIGEST = "239be8d7bc13cb9c6927d8857ceb1aeb7006d8d4e6b862319e08c1eea62320c4"


def digest(root):
    total = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file():
            total.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def test_bytes_are_the_same_everywhere(tmp_path):
    params = dataclasses.replace(SMALL, annotation_error=6)
    generate_shapes(tmp_path / "a", SPLITS, params)
    generate_shapes(tmp_path / "b", SPLITS, params)
    assert digest(tmp_path / "a") == digest(tmp_path / "b") == DIGEST


def test_files_pass_the_check_and_hold_the_pixels(tmp_path):
    generate_shapes(tmp_path / "set", SPLITS, SMALL)
    rules = {"keep_crowd": True, "keep_empty": True, "same_images": False}
    data = Data(source="shapes", root="", splits=SPLITS, shapes=SMALL, **rules)
    found = check_dataset(tmp_path / "set", data, lambda name: tmp_path / f"{name}.csv")
    assert [found.splits[name].images for name in SPLITS] == [4, 3, 2]
    split = load_split(tmp_path / "set", SPLITS["val"], "val")
    for index, (image, boxes) in enumerate(zip(split.images, split.boxes, strict=True)):
        pixels, objects = draw_image(SPLIT_NUMBERS["val"], index, SMALL)
        stored = cv2.imread(str(split.folder / image.file_name))
        np.testing.assert_array_equal(stored, pixels)
        assert stored.shape == (image.height, image.width, 3)
        expected = [(x, y, x + w, y + h) for x, y, w, h in boxes_of(objects)]
        assert [tuple(box) for box in boxes.boxes] == expected

    # Test-dev has its answers apart.
    public = json.loads((tmp_path / "set" / "annotations/test_dev.json").read_text())
    answers = json.loads((tmp_path / "set" / "answers/test_dev.json").read_text())
    assert "annotations" not in public
    assert answers.pop("annotations")
    assert answers == public


def test_errors_of_annotation_change_no_image(tmp_path):
    generate_shapes(tmp_path / "exact", SPLITS, SMALL)
    generate_shapes(tmp_path / "off", SPLITS, dataclasses.replace(SMALL, annotation_error=10))
    exact, off = (
        {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.*")}
        for root in (tmp_path / "exact", tmp_path / "off")
    )
    changed = {name for name, content in exact.items() if off[name] != content}
    assert changed == {"annotations/train.json", "annotations/val.json", SMALL.answers, MARKER}


def test_a_set_is_replaced_whole_or_left_as_it_was(tmp_path, monkeypatch):
    root = tmp_path / "set"

    def fail(*_):
        raise OSError("no space left on device")

    generate_shapes(root, SPLITS, SMALL)
    before = digest(root)
    with monkeypatch.context() as patch:
        patch.setattr(shapes, "_coco_box", fail)
        with pytest.raises(OSError, match="no space"):
            generate_shapes(root, SPLITS, dataclasses.replace(SMALL, seed=8))
    assert digest(root) == before
    assert list(tmp_path.iterdir()) == [root]
    # Without a failure a set is replaced whole.
    generate_shapes(root, SPLITS, dataclasses.replace(SMALL, images={**SMALL.images, "train": 6}))
    generate_shapes(root, SPLITS, SMALL)
    assert digest(root) == before


def test_a_folder_of_the_users_is_never_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(BadInput, match="not generated"):
        generate_shapes(tmp_path, SPLITS, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    (tmp_path / "empty").mkdir()
    generate_shapes(tmp_path / "empty", SPLITS, SMALL)
    assert (tmp_path / "empty" / MARKER).is_file()


@pytest.mark.parametrize(
    ("splits", "changes", "said"),
    [
        (SPLITS, {"images": {"train": 2, "val": 2}}, "no number for split test_dev"),
        (SPLITS, {"answers": "../answers.json"}, "below data.root"),
        ({**SPLITS, "val": SplitFiles("/tmp/x", "val.json")}, {}, "below data.root"),
    ],
)
def test_params_that_cannot_be_satisfied_are_refused(tmp_path, splits, changes, said):
    with pytest.raises(BadInput, match=said) as caught:
        generate_shapes(tmp_path / "set", splits, dataclasses.replace(SMALL, **changes))
    assert len(caught.value.problems) == 1
    assert not (tmp_path / "set").exists()
