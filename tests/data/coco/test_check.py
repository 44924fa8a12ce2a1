"""The check of a whole data set: what is told, what COCO has is let through, what is recorded."""

import json
from dataclasses import asdict

import cv2
import numpy as np
import pytest
from data.coco.small_dataset import HEIGHT, SPLITS, WIDTH

from cornernet import progress
from cornernet.config.schema import SplitFiles
from cornernet.data.coco.dataset import read_dataset
from cornernet.data.coco.image_check import REMARKS
from cornernet.errors import BadInput
from cornernet.files import write_json


def test_good_data_set_is_described(dataset, capsys, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    found = dataset.check()
    shown = capsys.readouterr().err
    assert all(f"reading {name}: 0/3 images" in shown for name in SPLITS)
    assert [category.name for category in found.categories] == ["cat", "dog"]
    train, test = found.splits["train"], found.splits["test_dev"]
    assert (train.images, train.boxes) == (3, 4)
    assert train.boxes_by_size == {"small": 4, "medium": 0, "large": 0}
    assert train.boxes_by_category == {"1": 2, "2": 2}
    assert train.problems["images_without_boxes"] == 1
    assert (test.images, test.boxes) == (3, 0)
    assert dataset.check() == found


def test_what_coco_has_is_let_through_and_counted(dataset):
    rows = dataset.trees["train"]["annotations"]
    rows[0]["iscrowd"] = 1
    rows[1]["bbox"] = [3, 4, 12.5, 0.0]
    rows[2]["bbox"] = [30, 20, 10.7, 10.2]
    rows[3]["bbox"] = [-5, 20, 20, 10]
    for annotation, area in zip(rows, [32**2 - 0.5, 32**2, 96**2 - 0.5, 96**2], strict=True):
        annotation["area"] = area
    rows.append({**rows[0], "id": 99, "iscrowd": 0, "bbox": [40.5, 10, 0, 5]})
    found = dataset.check().splits["train"]
    assert found.boxes_by_size == {"small": 1, "medium": 2, "large": 1}
    assert found.problems == {
        "crowd_boxes": 1,
        "images_without_boxes": 1,
        "boxes_given_twice": 0,
        "boxes_of_zero_width_or_height": 2,
        "boxes_over_the_border": 3,
        "boxes_over_the_border_by_more_than_2_pixels": 1,
        **dict.fromkeys(REMARKS, 0),
    }


def test_problems_of_all_splits_are_told_together_with_a_few_cases_of_many(dataset):
    row = dataset.trees["train"]["annotations"][0]
    rows = [{**row, "id": index, "bbox": [0, 0, -1, 1]} for index in range(1, 2001)]
    dataset.trees["train"]["annotations"] = rows
    dataset.trees["val"]["annotations"][0]["category_id"] = 5
    (dataset.root / "val" / "val2.png").unlink()
    dataset.trees["test_dev"]["images"] = []
    first, *_ = problems = dataset.refused()
    assert "negative width or height in 2,000 annotations (id 1 of train0.png: 0 0 -1 1, " in first
    assert "id 5 of" in first
    assert "id 6 of" not in first
    for said in ("undeclared category", "no such image", "test_dev", "the split is empty"):
        assert said in "\n".join(problems)


def test_splits_that_name_one_file_are_refused(dataset):
    splits = {**SPLITS, "val": SplitFiles("train", "val.json")}
    dataset.trees["val"]["images"][0]["file_name"] = "train1.png"
    for index in (1, 2):
        image = np.full((HEIGHT, WIDTH, 3), index, np.uint8)
        cv2.imwrite(str(dataset.root / "train" / f"val{index}.png"), image)
    (line,) = dataset.refused(splits=splits)
    assert "train and val share images in 1 file (train1.png" in line


def test_only_coco_may_hold_a_picture_twice_and_never_a_file(dataset):
    content = (dataset.root / "train" / "train0.png").read_bytes()
    (dataset.root / "val" / "val1.png").write_bytes(content)
    (line,) = dataset.refused()
    assert "train and val share images in 1 file (train0.png = val1.png)" in line
    assert dataset.check(source="coco").images_of_train_also_held_out == 1
    (dataset.root / "val" / "val1.png").rename(dataset.root / "val" / "train0.png")
    (dataset.root / "train" / "train1.png").write_bytes(content)  # the same bytes, not the file
    dataset.trees["val"]["images"][1]["file_name"] = "train0.png"
    (line,) = dataset.refused(source="coco")
    assert "train and val share images in 1 file (train0.png)" in line
    (dataset.root / "val" / "val0.png").replace(dataset.root / "val" / "train0.png")
    dataset.trees["val"]["images"][0]["file_name"] = "train0.png"
    dataset.trees["val"]["images"].pop(1)
    dataset.trees["val"]["annotations"] = dataset.trees["val"]["annotations"][:2]
    dataset.check()  # one name for different images is no sharing


def test_crowds_and_boxes_of_zero_size_are_no_objects(dataset):
    for row in dataset.trees["train"]["annotations"]:
        row["iscrowd"] = 1
    dataset.check(keep_crowd=True)
    (line,) = dataset.refused(keep_crowd=False)
    assert line.startswith("train ")
    assert "no objects at all" in line
    for row in dataset.trees["train"]["annotations"]:
        row.update(iscrowd=0, bbox=[1, 1, 0, 5])
    (line,) = dataset.refused()
    assert "no objects at all" in line


def test_what_was_written_is_read_and_nothing_else(tmp_path, dataset):
    found, path = dataset.check(), tmp_path / "dataset.json"
    with pytest.raises(BadInput, match=r"is not there; `cornernet prepare` makes it"):
        read_dataset(path)
    write_json(path, asdict(found))
    assert read_dataset(path) == found
    tree, text = asdict(found), path.read_text()
    of_another_version = {**tree, "splits": {"val": {"images": 7}}}, {"source": tree["source"]}
    for content in ("", text[:-20], f"[{text}]", *map(json.dumps, of_another_version)):
        path.write_text(content)
        with pytest.raises(BadInput) as caught:
            read_dataset(path)
        (line,) = caught.value.problems
        assert (
            line == f"{path}: is damaged, or of another version; `cornernet prepare` makes it again"
        )


def val(change):
    """A change of the tree of val's annotation file."""
    return lambda dataset: change(dataset.trees["val"])


def box(*bbox):
    return val(lambda tree: tree["annotations"][1].update(bbox=list(bbox)))


def update(kind, index, **values):
    return val(lambda tree: tree[kind][index].update(values))


def drop(kind, index, key):
    return val(lambda tree: tree[kind][index].pop(key))


def repeat(kind, index):
    return val(lambda tree: tree[kind].append({**tree[kind][index], "file_name": "val2.png"}))


def file(change):
    """A change of one image file of val, given its path."""
    return lambda dataset: change(dataset.root / "val" / "val1.png")


BAD = {
    "box of negative width": (box(20, 5, -10, 8), "negative width or height", "id 2 of val0"),
    "box to the right": (box(40, 5, 10, 8), "wholly outside", "id 2 of val0.png"),
    "box above": (box(4, -9, 10, 8), "wholly outside", "id 2 of val0.png"),
    "empty box far away": (box(4, 90, 10, 0), "wholly outside", "id 2 of val0.png"),
    "box NaN": (box(float("nan"), 5, 10, 8), "NaN or infinite", "id 2 of val0.png"),
    "box infinite": (box(4, 5, float("inf"), 8), "NaN or infinite", "id 2 of val0.png"),
    "box of three": (box(4, 5, 10), "wrong or missing 'bbox'", "id 2"),
    "no box": (drop("annotations", 1, "bbox"), "wrong or missing 'bbox'", "id 2"),
    "undeclared category": (update("annotations", 1, category_id=77), "undeclared category", "ids: 77"),
    "undeclared image": (update("annotations", 1, image_id=66), "undeclared image", "ids: 66"),
    "annotation id twice": (update("annotations", 1, id=1), "used more than once", "annotation id"),
    "image id twice": (update("images", 1, id=1), "used more than once", "1 image id (id 1)"),
    "category id twice": (repeat("categories", 0), "used more than once", "1 category id (id 1)"),
    "id a text": (update("annotations", 1, id="x"), "wrong or missing 'id'", "number 2"),
    "id a truth value": (update("images", 1, id=True), "wrong or missing 'id'", "number 2"),
    "width of zero": (update("images", 0, width=0), "wrong or missing 'width'", "id 1"),
    "no file name": (drop("images", 0, "file_name"), "wrong or missing 'file_name'", "id 1"),
    "half of a character": (update("categories", 1, name="\ud83d"), "wrong or missing 'name'", "id 2"),
    "iscrowd of two": (update("annotations", 1, iscrowd=2), "wrong or missing 'iscrowd'", "id 2"),
    "negative area": (update("annotations", 1, area=-1), "wrong or missing 'area'", "id 2"),
    "image not an object": (val(lambda tree: tree["images"].append(7)), "not an object", "number 4"),
    "file name upwards": (update("images", 0, file_name="../train/train0.png"), "leaves the image folder", "'../train/train0.png'"),
    "file name by a detour": (update("images", 0, file_name="a/../../val0.png"), "leaves the image folder", "'a/../../val0.png'"),
    "image absent": (file(lambda path: path.unlink()), "no such image", "1 file (val1.png)"),
    "image truncated": (file(lambda path: path.write_bytes(path.read_bytes()[:-100])), "truncated image", "1 file (val1.png)"),
    "image of another size": (update("images", 1, width=30, height=40), "another size", "val1.png: 40 x 30, not 30 x 40"),
    "image folder absent": (file(lambda path: path.parent.rename(path.parents[1] / "x")), "no image folder", "data.root"),
    "not JSON": (lambda dataset: dataset.trees.update(val='{"images": ['), "is not JSON", "val.json"),
    "empty split": (val(lambda tree: tree.update(images=[], annotations=[])), "the split is empty", "data.splits"),
    "no objects": (val(lambda tree: tree.update(annotations=[])), "no objects at all", "annotate some"),
    "no categories": (val(lambda tree: tree.update(annotations=[], categories=[])), "no categories", "'categories'"),
    "other categories": (update("categories", 1, name="bird"), "train and val declare different categories", "2: dog and bird"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_clear_line(dataset, name):
    change, *said = BAD[name]
    change(dataset)
    problems = dataset.refused()
    about_val = [line for line in problems if all(part in line for part in said)]
    assert len(about_val) == 1, problems
    assert "val" in about_val[0].split(":")[0]
    assert "\n" not in about_val[0]
    assert ";" in about_val[0]  # how to mend it
