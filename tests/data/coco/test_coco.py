"""Annotation files in COCO's format: what comes out, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from cornernet.config.schema import SplitFiles
from cornernet.data.coco.annotations import POLYGONS
from cornernet.data.coco.split import load_split
from cornernet.errors import BadInput

SHARED = Path(__file__).parents[4] / "shared" / "data"
FILES = SplitFiles("images", "annotations.json")


def annotation(identity, image_id, category_id, bbox, iscrowd=0):
    entry = {"id": identity, "image_id": image_id, "category_id": category_id, "bbox": bbox}
    return entry | {"iscrowd": iscrowd, "area": 7.5}


def tree():
    """Two images, out of order; categories with a gap and out of order."""
    return {
        "images": [
            {"id": 7, "file_name": "b.jpg", "width": 100, "height": 50},
            {"id": 3, "file_name": "sub/a.jpg", "width": 60, "height": 80},
        ],
        "categories": [{"id": 90, "name": "toothbrush"}, {"id": 1, "name": "person"}],
        "annotations": [
            annotation(11, 3, 90, [1.5, 2, 10, 20.25]),
            annotation(12, 7, 1, [0, 0, 100, 50], iscrowd=1),
            annotation(5, 3, 1, [4, 4, 6, 0]),
        ],
    }


def load(folder, content, name="val"):
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / "annotations.json").write_bytes(text)
    return load_split(folder, FILES, name)


def refused(folder, content, name="val"):
    with pytest.raises(BadInput) as caught:
        load(folder, content, name)
    return caught.value.problems


def test_split_holds_what_the_file_says(tmp_path):
    split = load(tmp_path, tree())
    assert split.name == "val"
    assert split.folder == tmp_path / "images"
    assert [image.file_name for image in split.images] == ["b.jpg", "sub/a.jpg"]
    assert split.category_ids == (1, 90)
    assert split.category_names == ("person", "toothbrush")
    first, second = split.boxes
    np.testing.assert_array_equal(first.boxes, [[0, 0, 100, 50]])
    np.testing.assert_array_equal(second.boxes, [[1.5, 2, 11.5, 22.25], [4, 4, 10, 4]])
    np.testing.assert_array_equal(second.categories, [1, 0])
    np.testing.assert_array_equal(second.ids, [11, 5])
    np.testing.assert_array_equal(first.crowd, [True])
    np.testing.assert_array_equal(second.area, [7.5, 7.5])
    kinds = (second.boxes.dtype, second.categories.dtype, second.crowd.dtype)
    assert kinds == (np.float64, np.int64, bool)


def test_iscrowd_and_area_have_defaults(tmp_path):
    content = tree()
    content["annotations"] = [{"id": 1, "image_id": 3, "category_id": 1, "bbox": [0, 0, 4, 5]}]
    split = load(tmp_path, content)
    assert split.boxes[1].area.tolist() == [20.0]
    assert split.boxes[1].crowd.tolist() == [False]
    assert split.boxes[0].boxes.shape == (0, 4)


def test_only_test_dev_goes_without_annotations(tmp_path):
    content = tree()
    del content["annotations"]
    split = load(tmp_path, content, "test_dev")
    assert [len(boxes.ids) for boxes in split.boxes] == [0, 0]
    (line,) = refused(tmp_path, content, "val")
    assert "has no 'annotations'" in line


def test_polygons_are_cut_out_before_the_json_is_parsed_and_nothing_else(tmp_path):
    """Or loading train2017 takes several times the memory.

    Also when they are nested, empty, over several lines, last in their object, or in a text.
    """
    content = tree()
    polygons = {"segmentation": [[1.5, 2, 1e2, -3], [4, 5]]}
    content["annotations"][0] = polygons | content["annotations"][0]
    content["annotations"][1]["segmentation"] = {"counts": [1, 2, 3], "size": [50, 100]}
    content["annotations"][2]["segmentation"] = []
    content["images"][0]["note"] = 'the "segmentation": [[1, 2]] of it'
    for indent in (None, 2):
        split = load(tmp_path, json.dumps(content, indent=indent).encode())
        assert [boxes.ids.tolist() for boxes in split.boxes] == [[12], [11, 5]]
        np.testing.assert_array_equal(split.boxes[1].boxes[0], [1.5, 2, 11.5, 22.25])
        item = {"id": 1, "segmentation": [[1.5, 2, -3e-5], [4]], "area": 2}
        text = json.dumps([item, {"segmentation": item["segmentation"]}], indent=indent)
        cut = json.loads(POLYGONS.sub(b'"segmentation":0', text.encode()))
        assert cut == [{**item, "segmentation": 0}, {"segmentation": 0}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON"),
        (b'{"images": [1, 2', "is not JSON"),
        (b"\xff\xfe\x00\x01garbage", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        # Placed in the file as it is written, with its polygons.
        (b'{"annotations": [\n{"segmentation": [[1,\n 3, 4]],\n"bbox": [1,, 4]}]}', "line 4"),
        (b"[1, 2]", "holds a list"),
        (b'{"images": []}', "has no 'categories', has no 'annotations'"),
        (b'{"images": {}, "categories": [], "annotations": 3}', "'images' is not a list"),
    ],
)
def test_what_is_not_coco_is_refused(tmp_path, content, said):
    with pytest.raises(BadInput, match="no such annotation file"):
        load_split(tmp_path, FILES, "val")
    (line,) = refused(tmp_path, content)
    assert said in line
    assert str(tmp_path / "annotations.json") in line


def test_boxes_are_those_of_pycocotools():
    pycocotools = pytest.importorskip("pycocotools.coco")
    path = SHARED / "coco_mini" / "annotations" / "instances_val2017.json"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    files = SplitFiles("val2017", "annotations/instances_val2017.json")
    split = load_split(SHARED / "coco_mini", files, "val")
    reference = pycocotools.COCO(str(path))
    assert list(split.category_ids) == sorted(reference.getCatIds())
    assert {image.id for image in split.images} == set(reference.getImgIds())
    for image, boxes in zip(split.images, split.boxes, strict=True):
        expected = reference.loadAnns(reference.getAnnIds(imgIds=image.id))
        assert boxes.ids.tolist() == [item["id"] for item in expected]
        xywh = np.array([item["bbox"] for item in expected]).reshape(-1, 4)
        np.testing.assert_array_equal(boxes.boxes[:, :2], xywh[:, :2])
        np.testing.assert_array_equal(boxes.boxes[:, 2:], xywh[:, :2] + xywh[:, 2:])
        found = [split.category_ids[index] for index in boxes.categories]
        assert found == [item["category_id"] for item in expected]
        assert boxes.area.tolist() == [item["area"] for item in expected]
        assert boxes.crowd.tolist() == [bool(item["iscrowd"]) for item in expected]
