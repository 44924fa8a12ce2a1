"""Annotation files in COCO's format: what comes out, and what is refused."""

import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from cornernet.config.schema import SplitFiles
from cornernet.data.coco.annotations import POLYGONS
from cornernet.data.coco.split import load_split
from cornernet.errors import BadInput

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


def test_a_split_holds_what_pycocotools_reads_with_defaults_for_area_and_crowd(tmp_path):
    content = tree()
    split = load(tmp_path, content)
    assert (split.name, split.folder) == ("val", tmp_path / "images")
    assert [image.file_name for image in split.images] == ["b.jpg", "sub/a.jpg"]
    assert split.category_names == ("person", "toothbrush")
    assert_as_pycocotools(split, tmp_path / "annotations.json")
    del content["annotations"][0]["area"], content["annotations"][0]["iscrowd"]
    boxes = load(tmp_path, content).boxes[1]
    assert (boxes.area.tolist(), boxes.crowd.tolist()) == ([10 * 20.25, 7.5], [False, False])
    kinds = [column.dtype for column in vars(boxes).values()]
    assert kinds == [np.float64, np.int64, np.int64, bool, np.float64]


def assert_as_pycocotools(split, path):
    reference = COCO(str(path))
    assert list(split.category_ids) == sorted(reference.getCatIds())
    assert {image.id for image in split.images} == set(reference.getImgIds())
    for image, boxes in zip(split.images, split.boxes, strict=True):
        expected = reference.loadAnns(reference.getAnnIds(imgIds=image.id))
        xywh = np.array([item["bbox"] for item in expected]).reshape(-1, 4)
        np.testing.assert_array_equal(boxes.boxes[:, :2], xywh[:, :2])
        np.testing.assert_array_equal(boxes.boxes[:, 2:], xywh[:, :2] + xywh[:, 2:])
        found = [split.category_ids[index] for index in boxes.categories]
        assert found == [item["category_id"] for item in expected]
        assert boxes.ids.tolist() == [item["id"] for item in expected]
        assert boxes.area.tolist() == [item["area"] for item in expected]
        assert boxes.crowd.tolist() == [bool(item["iscrowd"]) for item in expected]


def test_only_test_dev_goes_without_annotations(tmp_path):
    content = tree()
    del content["annotations"]
    split = load(tmp_path, content, "test_dev")
    assert [len(boxes.ids) for boxes in split.boxes] == [0, 0]
    (line,) = refused(tmp_path, content, "val")
    assert "has no list 'annotations'" in line


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
        text = json.dumps(content, indent=indent).encode()
        assert POLYGONS.subn(b"", text)[1] == 2
        split = load(tmp_path, text)
        assert [boxes.ids.tolist() for boxes in split.boxes] == [[12], [11, 5]]
        np.testing.assert_array_equal(split.boxes[1].boxes[0], [1.5, 2, 11.5, 22.25])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON"),
        (b'{"images": [1, 2', "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        # Placed in the file as it is written, with its polygons.
        (b'{"annotations": [\n{"segmentation": [[1,\n 3, 4]],\n"bbox": [1,, 4]}]}', "line 4"),
        (b"[1, 2]", "has no list 'images', 'categories', 'annotations'; it must hold"),
        (b'{"images": []}', "has no list 'categories', 'annotations'; it must hold"),
        (b'{"images": {}, "categories": [], "annotations": 3}', "no list 'images', 'annotations'"),
    ],
)
def test_what_is_not_coco_is_refused(tmp_path, content, said):
    with pytest.raises(BadInput, match="no such annotation file"):
        load_split(tmp_path, FILES, "val")
    (line,) = refused(tmp_path, content)
    assert said in line
    assert str(tmp_path / "annotations.json") in line
