"""Inputs that users really have: refused in one line, read as they are meant, or let through and told.

They come from public reports on exports of Roboflow, CVAT, Label Studio, LabelMe and FiftyOne.
"""

import json
from dataclasses import asdict

import numpy as np
import pytest
from data.coco.small_dataset import (
    HEIGHT,
    SPLITS,
    WIDTH,
    damaged,
    encoded,
    with_exif_orientation,
)
from pycocotools.coco import COCO

from cornernet.data.coco.split import load_split

CORNERS = [[20, 10, 38, 28], [25, 15, 39, 29], [2, 3, 30, 28], [22, 3, 35, 20]]
FRACTIONS = [[0.1, 0.2, 0.5, 0.25], [0, 0, 1, 1], [0.5, 0.5, 0.3, 0.4], [0.2, 0.2, 0.1, 0.1]]


def boxes(values):
    def change(dataset):
        for row, box in zip(dataset.trees["val"]["annotations"], values, strict=True):
            row["bbox"] = box

    return change


def entry(kind, index, **values):
    """Values of an entry of val; None removes a key."""

    def change(dataset):
        row = dataset.trees["val"][kind][index]
        row.update(values)

    return change


def both(kind, index, **values):
    """The same in train and val."""
    return lambda dataset: [dataset.trees[name][kind][index].update(values) for name in ("train", "val", "test_dev")]  # fmt: skip


def named(declared, on_disk="val1.png"):
    """An image whose name in the annotation file is not that on disk."""

    def change(dataset):
        folder = dataset.root / "val"
        (folder / "val1.png").rename(folder / on_disk)
        dataset.trees["val"]["images"][1]["file_name"] = declared

    return change


def content(value):
    """Other bytes in place of an image of val."""
    return lambda dataset: (dataset.root / "val" / "val1.png").write_bytes(value)


def ids_as_text(dataset):
    for image in dataset.trees["val"]["images"]:
        image["id"] = str(image["id"])


REFUSED = {
    "fractions": (boxes(FRACTIONS), "under a pixel: are these fractions", "id 1 of val0.png: 0.1 0.2 0.5 0.25"),
    "corners": (boxes(CORNERS), "inside if they are corners", "id 1 of val0.png: 20 10 38 28"),
    "negative sizes alone": (boxes([[9, 9, -5, -5]] * 4), "negative width or height", "id 1 of val0.png: 9 9 -5 -5"),
    "box of texts": (entry("annotations", 0, bbox=["1", "2", "3", "4"]), "wrong or missing 'bbox'", "id 1: ['1', '2', '3', '4']"),
    "rotated box": (entry("annotations", 0, bbox=[1, 2, 9, 2, 9, 8, 1, 8]), "wrong or missing 'bbox'", "id 1: [1, 2, 9, 2, 9, 8, ...]"),
    "box of a picture without objects": (entry("annotations", 0, bbox=[]), "wrong or missing 'bbox'", "id 1: []"),
    "iscrowd null": (entry("annotations", 0, iscrowd=None), "wrong or missing 'iscrowd'", "id 1: None"),
    "ids as text": (ids_as_text, "wrong or missing 'id'", "number 1: '1'"),
    "width as text": (entry("images", 0, width="40"), "wrong or missing 'width'", "id 1: '40'"),
    "half a pixel": (entry("images", 0, width=40.5), "wrong or missing 'width'", "id 1: 40.5"),
    "size unknown": (entry("images", 0, height=None), "wrong or missing 'height'", "id 1: None"),
    "no images": (lambda dataset: dataset.trees["val"].update(images=[]), "the split is empty", "data.splits"),
    "no categories": (lambda dataset: dataset.trees["val"].update(categories=[]), "no categories", "declare them"),
    "category without name": (entry("categories", 0, name=None), "wrong or missing 'name'", "id 1: None"),
    "category id as text": (entry("categories", 0, id="1"), "wrong or missing 'id'", "number 1: '1'"),
    "all images malformed": (lambda dataset: [image.pop("width") for image in dataset.trees["val"]["images"]], "wrong or missing 'width'", "id 1: missing"),
    "one entry per annotation": (entry("images", 1, file_name="./val0.png"), "several image entries for one file", "val0.png: ids 1 and 2"),
    "one name twice": (both("categories", 1, name="cat"), "several categories of one name", "cat: ids 1 and 2"),
    "backslashes": (named("val\\val1.png"), "no such image", "(val\\val1.png: val1.png is there)"),
    "folder of the split in the name": (named("val/val1.png"), "no such image", "val1.png is there"),
    "other case": (named("VAL1.PNG"), "no such image", "(VAL1.PNG: val1.png is there)"),
    "quoted as in a URL": (named("val%201.png", "val 1.png"), "no such image", "(val%201.png: val 1.png is there)"),
    "other form of Unicode": (named("e\u0301.png", "\u00e9.png"), "no such image", ": \u00e9.png is there)"),
    "other suffix": (named("val1.jpg"), "no such image", "(val1.jpg: val1.png is there)"),
    "line break in a name": (named("val1.png\n"), "no such image", "(val1.png\\n: val1.png is there)"),
    "half a letter": (entry("images", 1, file_name="\ud800.png"), "wrong or missing 'file_name'", "id 2: '\\ud800.png'"),
    "path of a Windows machine": (named("C:\\Users\\me\\val1.png"), "leaves the image folder", "C:\\"),
    "path on a server": (named("/data/upload/1/val1.png"), "leaves the image folder", "'/data/upload/1/val1.png'"),
    "photo of a phone, renamed": (content(b"\0\0\0\x18ftypheic\0\0\0\0mif1"), "not an image", "ftypheic"),
    "pointer of Git LFS": (content(b"version https://git-lfs.github.com/spec/v1\n"), "not an image", "val1.png: begins with b'version https:/"),
    "empty file": (content(b""), "not an image", "val1.png: begins with b''"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line_with_what_was_found(dataset, name):
    change, *said = REFUSED[name]
    change(dataset)
    problems = [line for line in dataset.refused() if not line.startswith(("train", "test_dev"))]
    assert len(problems) == 1, problems
    assert all(part in problems[0] for part in said), problems
    assert ";" in problems[0]  # how to mend it
    assert "\n" not in problems[0]


def test_what_a_malformed_entry_does_not_explain_is_told_beside_it(dataset):
    entry("images", 0, width=0)(dataset)
    entry("annotations", 3, image_id=66)(dataset)
    size, undeclared = dataset.refused()
    assert "wrong or missing 'width' in 1 image (id 1: 0)" in size
    assert "undeclared image in 1 annotation (id 4: 5.5 3 20 20)" in undeclared


def as_floats(tree):
    numbers = {"id", "width", "height", "image_id", "category_id", "iscrowd"}
    for row in (row for kind in tree.values() for row in kind):
        row.update({key: float(row[key]) for key in numbers & row.keys()})
    return json.dumps(tree)


def with_more(tree):
    """What exporters add, and what may be left out."""
    for image in tree["images"]:
        image |= {"license": 1, "date_captured": "", "extra": {"name": "x"}}
    tree["images"].reverse()
    tree["categories"].reverse()
    for row in tree["annotations"]:
        row |= {"segmentation": {"counts": [1], "size": [30, 40]}, "area": None, "attributes": {}}
        row["iscrowd"] = False
        row.pop("iscrowd" if row["id"] == 1 else "attributes")
    return json.dumps({"info": {}, "licenses": [], **tree})


@pytest.mark.parametrize(
    "written",
    [as_floats, with_more, lambda tree: "\ufeff" + json.dumps(tree)],
    ids=["whole numbers as floats", "more keys and fewer", "a mark of UTF-8"],
)
def test_what_others_write_is_read_as_pycocotools_reads_it(dataset, written):
    dataset.check()
    plain = load_split(dataset.root, SPLITS["val"], "val")
    dataset.trees["val"] = written(dataset.trees["val"])
    dataset.check()
    split, path = load_split(dataset.root, SPLITS["val"], "val"), dataset.root / "val.json"
    assert sorted(map(str, split.images)) == sorted(map(str, plain.images))
    assert (split.category_ids, split.category_names) == (plain.category_ids, plain.category_names)
    if not dataset.trees["val"].startswith("\ufeff"):
        reference = COCO(str(path))
        assert {image.id for image in split.images} == set(reference.getImgIds())
        for image, found in zip(split.images, split.boxes, strict=True):
            rows = reference.imgToAnns[image.id]
            assert [[x, y, x + w, y + h] for x, y, w, h in (row["bbox"] for row in rows)] == (
                found.boxes.tolist()
            )


NOISE = np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
JPEG, SQUARE = encoded(NOISE, ".jpg"), encoded(NOISE[:, :HEIGHT], ".jpg")
DARK = (NOISE.astype(np.uint16) * 172) // 255
DARK[0, 0] = 172


def photo(value, width=WIDTH, height=HEIGHT):
    """A file of other content in place of an image of val without boxes, and its size."""

    def change(dataset):
        (dataset.root / "val" / "val2.png").write_bytes(value)
        dataset.trees["val"]["images"][2].update(width=width, height=height)

    return change


def twice(dataset):
    rows = dataset.trees["val"]["annotations"]
    rows.append({**rows[1], "id": 9})


def copied(dataset):
    (dataset.root / "val/val2.png").write_bytes((dataset.root / "val/val0.png").read_bytes())


def unused_category(dataset):
    for name in SPLITS:
        dataset.trees[name]["categories"].append({"id": 0, "name": "animals"})
    for row in dataset.trees["train"]["annotations"]:
        row["category_id"] = 1


TOLD = {
    "half turn": (photo(with_exif_orientation(JPEG, 3)), "images_turned_by_exif", "1 file (val2.png)"),
    "square with a quarter turn": (photo(with_exif_orientation(SQUARE, 6), HEIGHT), "images_turned_by_exif", "1 file (val2.png)"),
    "declared without its turn": (photo(with_exif_orientation(JPEG, 6)), "images_left_unturned", "1 file (val2.png)"),
    "16 bits": (photo(encoded(DARK, ".png")), "images_above_8_bits", "(val2.png: 16 bit, brightest value 172 of 65535)"),
    "16 bits, TIFF": (photo(encoded(DARK, ".tiff")), "images_above_8_bits", "(val2.png: 16 bit, brightest value 172 of 65535)"),
    "damaged in the middle": (photo(damaged(JPEG)), "damaged_images", "1 file (val2.png: Corrupt JPEG data"),
    "cut and closed": (photo(JPEG[:2000] + b"\xff\xd9"), "damaged_images", "1 file (val2.png: Corrupt JPEG data"),
    "annotated twice": (twice, "boxes_given_twice", "a box that is given twice in 1 annotation (id 9)"),
    "id 0": (entry("annotations", 0, id=0), None, "annotation of id 0"),
    "copies": (copied, None, "the same image under two names in 1 file (val2.png = val0.png)"),
    "category of nothing": (unused_category, None, "no object in 2 categories ('animals': 0 in val, 'dog': 2 in val)"),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_what_is_let_through_is_counted_and_told_in_one_line(dataset, capfd, name):
    change, counted, said = TOLD[name]
    assert dataset.check().notes == ()
    change(dataset)
    found = dataset.check()
    (note,) = found.notes
    assert said in note
    assert note.startswith(("val: ", "train: "))
    assert "\n" not in note
    if counted:
        assert found.splits["val"].problems[counted] == 1
    assert "JPEG" not in capfd.readouterr().err  # libjpeg names no file


def test_a_turn_that_the_size_confirms_is_not_worth_a_word(dataset):
    photo(with_exif_orientation(JPEG, 6), HEIGHT, WIDTH)(dataset)
    assert dataset.check().notes == ()


def test_a_network_may_be_tested_on_the_images_it_learns_by_heart(dataset):
    same = {name: SPLITS["train"] for name in ("train", "val")}
    (line,) = dataset.refused(splits=same)
    assert "train and val share images in 3 files (train0.png, " in line
    assert "data.same_images: true" in line
    found = dataset.check(splits=same, same_images=True)
    assert found.notes == (
        "train: 3 of its images are tested on, as data.same_images allows; "
        "scores say how well it knows these by heart",
    )
    assert asdict(found.splits["train"]) == asdict(found.splits["val"])
