"""Every kind of bad input in a data set gets a line that says what, where, and how to mend it."""

import pytest


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
    "iscrowd of two": (update("annotations", 1, iscrowd=2), "wrong or missing 'iscrowd'", "id 2"),
    "negative area": (update("annotations", 1, area=-1), "wrong or missing 'area'", "id 2"),
    "image not an object": (val(lambda tree: tree["images"].append(7)), "not an object", "number 4"),
    "file name upwards": (update("images", 0, file_name="../train/train0.png"), "leaves the image folder", "'../train/train0.png'"),
    "file name by a detour": (update("images", 0, file_name="a/../../val0.png"), "leaves the image folder", "'a/../../val0.png'"),
    "image absent": (file(lambda path: path.unlink()), "no such image", "1 file (val1.png)"),
    "image truncated": (file(lambda path: path.write_bytes(path.read_bytes()[:-100])), "truncated image", "1 file (val1.png)"),
    "image empty": (file(lambda path: path.write_bytes(b"")), "not an image", "val1.png"),
    "image a web page": (file(lambda path: path.write_bytes(b"<html>")), "not an image", "val1.png"),
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
