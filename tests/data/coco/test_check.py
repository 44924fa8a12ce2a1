"""The check of a whole data set: what is told, and what COCO has is let through."""

import cv2
import numpy as np
from data.coco.small_dataset import HEIGHT, SPLITS, WIDTH

from cornernet import progress
from cornernet.config.schema import SplitFiles


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
        "boxes_of_zero_width_or_height": 2,
        "boxes_over_the_border": 3,
        "boxes_over_the_border_by_more_than_2_pixels": 1,
    }


def test_problems_of_all_splits_are_told_together_with_a_few_cases_of_many(dataset):
    row = dataset.trees["train"]["annotations"][0]
    rows = [{**row, "id": index, "bbox": [0, 0, -1, 1]} for index in range(1, 2001)]
    dataset.trees["train"]["annotations"] = rows
    dataset.trees["val"]["annotations"][0]["category_id"] = 5
    (dataset.root / "val" / "val2.png").unlink()
    dataset.trees["test_dev"]["images"] = []
    first, *_ = problems = dataset.refused()
    assert "negative width or height in 2,000 annotations (id 1 of train0.png, " in first
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
