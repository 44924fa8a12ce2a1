"""Every kind of bad input in a data set gets a line that says what, where, and how to mend it."""

import pytest


def set_box(box):
    return lambda dataset: dataset.trees["val"]["annotations"][1].update(bbox=box)


def update(kind, index, **values):
    return lambda dataset: dataset.trees["val"][kind][index].update(values)


def drop(kind, index, key):
    return lambda dataset: dataset.trees["val"][kind][index].pop(key)


def write(name, content):
    return lambda dataset: (dataset.root / "val" / name).write_bytes(content)


def cut_image(dataset):
    path = dataset.root / "val" / "val1.png"
    path.write_bytes(path.read_bytes()[:-100])


def repeat(kind, index):
    def change(dataset):
        rows = dataset.trees["val"][kind]
        rows.append({**rows[index], "file_name": "val2.png"})

    return change


def replace_tree(value):
    return lambda dataset: dataset.trees.update(val=value)


BAD = {
    "box of negative width": (set_box([20, 5, -10, 8]), "negative width or height", "id 2 of val0"),
    "box of negative height": (set_box([20, 5, 10, -8]), "negative width or height", "id 2 of val"),
    "box to the right": (set_box([40, 5, 10, 8]), "wholly outside", "id 2 of val0.png"),
    "box above": (set_box([4, -9, 10, 8]), "wholly outside", "id 2 of val0.png"),
    "empty box far away": (set_box([4, 90, 10, 0]), "wholly outside", "id 2 of val0.png"),
    "box NaN": (set_box([float("nan"), 5, 10, 8]), "NaN or infinite", "id 2 of val0.png"),
    "box infinite": (set_box([4, 5, float("inf"), 8]), "NaN or infinite", "id 2 of val0.png"),
    "box of three": (set_box([4, 5, 10]), "wrong or missing 'bbox'", "id 2"),
    "box of texts": (set_box(["4", 5, 10, 2]), "wrong or missing 'bbox'", "id 2"),
    "no box": (drop("annotations", 1, "bbox"), "wrong or missing 'bbox'", "id 2"),
    "undeclared category": (
        update("annotations", 1, category_id=77),
        "undeclared category",
        "ids: 77",
    ),
    "undeclared image": (update("annotations", 1, image_id=66), "undeclared image", "ids: 66"),
    "annotation id twice": (update("annotations", 1, id=1), "used more than once", "annotation id"),
    "image id twice": (update("images", 1, id=1), "used more than once", "1 image id (id 1)"),
    "category id twice": (repeat("categories", 0), "used more than once", "1 category id (id 1)"),
    "id a text": (update("annotations", 1, id="x"), "wrong or missing 'id'", "number 2"),
    "id a truth value": (update("images", 1, id=True), "wrong or missing 'id'", "number 2"),
    "no width": (drop("images", 0, "width"), "wrong or missing 'width'", "id 1"),
    "width of zero": (update("images", 0, width=0), "wrong or missing 'width'", "id 1"),
    "no file name": (drop("images", 0, "file_name"), "wrong or missing 'file_name'", "id 1"),
    "iscrowd of two": (update("annotations", 1, iscrowd=2), "wrong or missing 'iscrowd'", "id 2"),
    "negative area": (update("annotations", 1, area=-1), "wrong or missing 'area'", "id 2"),
    "image not an object": (
        lambda dataset: dataset.trees["val"]["images"].append(7),
        "not an object",
        "number 4",
    ),
    "file name upwards": (
        update("images", 0, file_name="../train/train0.png"),
        "leaves the image folder",
        "'../train/train0.png'",
    ),
    "file name absolute": (
        update("images", 0, file_name="/etc/hostname"),
        "leaves the image folder",
        "'/etc/hostname'",
    ),
    "file name by a detour": (
        update("images", 0, file_name="a/../../val0.png"),
        "leaves the image folder",
        "'a/../../val0.png'",
    ),
    "image absent": (
        lambda dataset: (dataset.root / "val" / "val1.png").unlink(),
        "no such image",
        "1 file (val1.png)",
    ),
    "image truncated": (cut_image, "truncated image", "1 file (val1.png)"),
    "image empty": (write("val1.png", b""), "not an image", "val1.png"),
    "image a web page": (write("val1.png", b"<html>"), "not an image", "val1.png"),
    "image of another size": (
        update("images", 1, width=30, height=40),
        "another size",
        "val1.png: 40 x 30, not 30 x 40",
    ),
    "image folder absent": (
        lambda dataset: (dataset.root / "val").rename(dataset.root / "elsewhere"),
        "no image folder",
        "data.root",
    ),
    "not JSON": (replace_tree('{"images": ['), "is not JSON", "val.json"),
    "not COCO": (replace_tree([1, 2]), "is not in COCO's format", "val.json"),
    "no list of images": (replace_tree({"categories": []}), "has no 'images'", "val.json"),
    "empty split": (
        lambda dataset: dataset.trees["val"].update(images=[], annotations=[]),
        "the split is empty",
        "data.splits",
    ),
    "no objects": (
        lambda dataset: dataset.trees["val"].update(annotations=[]),
        "no objects at all",
        "annotate some",
    ),
    "no categories": (
        lambda dataset: dataset.trees["val"].update(annotations=[], categories=[]),
        "no categories",
        "'categories'",
    ),
    "other categories": (
        update("categories", 1, name="bird"),
        "train and val declare different categories",
        "2: dog and bird",
    ),
}


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
