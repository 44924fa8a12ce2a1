"""The preview: what training gets is what is shown and counted, for anybody's images."""

import base64
import re
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from data.coco.small_dataset import SPLITS, SmallDataset
from data.sampling.training_case import PAPER, still, write_split

from cornernet.cli import main
from cornernet.data.coco.dataset import Category, Dataset, SplitRecord
from cornernet.data.coco.split import Boxes, CocoSplit, Image
from cornernet.data.sampling.radii import corner_radius
from cornernet.reporting.preview.page import preview_page
from cornernet.reporting.preview.pictures import sample_pictures
from cornernet.reporting.preview.views import random_views

SIDE = 63
# The only centre that keeps its distance from the border: the view is the image.
WHOLE = replace(still(SIDE), crop_border=31)
NAMES = ('<b>"&\x01', "\u05e9\u05dc\u05d5\u05dd" * 50, "c")


def split_of(folder, boxes, categories, crowd=()):
    """A split of one grey image, as large as the network's input."""
    cv2.imwrite(str(folder / "a.png"), np.full((SIDE, SIDE, 3), 90, np.uint8))
    count = len(boxes)
    objects = Boxes(
        np.array(boxes, float), np.array(categories), np.arange(count),
        np.isin(np.arange(count), crowd), np.ones(count),
    )  # fmt: skip
    return CocoSplit(
        "train", folder, (Image(1, "a.png", SIDE, SIDE),), (objects,), (1, 2, 3), NAMES
    )


def params_with(**targets):
    return replace(PAPER, augmentation=WHOLE, targets=replace(PAPER.targets, **targets))


def test_what_is_lost_is_counted(tmp_path):
    boxes = [
        [4, 4, 40, 40],
        [5, 5, 50, 50],  # same top-left cell, same category
        [5, 5, 30, 30],  # same cell, another category
        [20, 20, 90, 60],  # over the border
        [70, 70, 80, 80],  # outside
        [10, 10, 10, 20],  # empty: no object
        [2, 30, 9, 37],
        [8, 50, 20, 60],  # the last two: more than max_objects
        [30, 50, 40, 60],
    ]
    split = split_of(tmp_path, boxes, [0, 0, 1, 0, 2, 0, 0, 2, 2])
    views = random_views(split, params_with(max_objects=5, min_iou=0.3))
    counts = [(count, whole) for _, count, whole in views.losses()]
    assert counts == [(1, 8), (2, 7), (1, 5), (2, 5), (1, 5), (0, 1)]
    np.testing.assert_allclose(views.targets["size"], [36, 45, 25, np.sqrt(42 * 40), 7])
    crowds = split_of(tmp_path, boxes[:2], [0, 0], crowd=[0])
    without = replace(params_with(), data=replace(PAPER.data, keep_crowd=False))
    assert (random_views(crowds, params_with()).objects, random_views(crowds, without).objects) == (
        2,
        1,
    )


def test_a_picture_shows_boxes_heatmaps_and_radii_of_the_sample(tmp_path):
    box = [9.5, 13.0, 41.0, 50.25]
    (picture,) = sample_pictures(split_of(tmp_path, [box], [2]), params_with(min_iou=0.3))
    (drawn,) = picture.objects
    assert (drawn.name, picture.file_name) == ("c", "a.png")
    assert drawn.box == pytest.approx(box, abs=1e-4)
    assert drawn.radius == pytest.approx(float(corner_radius(37.25, 31.5, 0.3)), abs=1e-4)
    image = decoded(picture.pixels)
    assert image.shape == (SIDE, SIDE, 3)
    assert np.abs(image.astype(int) - 90).max() < 6  # as grey as it was
    heat = decoded(picture.heat)  # BGRA, a pixel per cell
    assert heat.shape == (16, 16, 4)
    for (x, y), hue in (((9.5, 13.0), [0, 159, 230]), ((41.0, 50.25), [233, 180, 86])):
        column, row = int(x * 16 / SIDE), int(y * 16 / SIDE)
        assert heat[row, column].tolist() == [*hue, 255]
    assert 10 < (heat[..., 3] > 0).sum() < 40


def decoded(address):
    data = base64.b64decode(address.partition("base64,")[2])
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def page_of(split, augmentation):
    """The page of a split, which stands for val too."""
    record = SplitRecord(
        3, 9, {"small": 9}, {"1": 5, "2": 4, "3": 0}, {"crowd_boxes": 4}, "", "", 0
    )
    categories = tuple(Category(at, name) for at, name in enumerate(NAMES, start=1))
    dataset = Dataset("folder", categories, 0, {"train": record, "val": record})
    params = replace(PAPER, augmentation=augmentation)
    return preview_page(params, dataset, {"train": split, "val": split})


def test_the_largest_page_is_small(tmp_path):
    """Images of noise, which no JPEG compresses, with as many objects as training takes."""
    small, side = write_split(tmp_path, [PAPER.targets.max_objects] * 14), 1023
    split = replace(
        small, images=tuple(replace(one, width=side, height=side) for one in small.images)
    )
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    for image in split.images:
        cv2.imwrite(str(tmp_path / image.file_name), noise)
    page = page_of(split, replace(still(side), crop_border=side // 2))
    assert 500_000 < len(page.encode()) <= 2_000_000
    assert page.count("<svg ") == 12


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Commands on somebody's own images, in a folder that was prepared."""
    dataset = SmallDataset(tmp_path)
    for tree in dataset.trees.values():
        tree["categories"] = [{"id": at, "name": name} for at, name in enumerate(NAMES, start=1)]
    dataset.write_annotations()
    shutil.copytree(Path(__file__).parents[2] / "params", tmp_path / "params")
    files = {name: {"images": s.images, "annotations": s.annotations} for name, s in SPLITS.items()}
    profile = {"extends": "custom", "data": {"root": ".", "splits": files}}
    (tmp_path / "params/mine.yaml").write_text(yaml.safe_dump(profile))
    monkeypatch.chdir(tmp_path)

    def command(name):
        return main([name, "--profile", "mine"])

    assert command("download") == 0
    return command


def test_prepare_ends_with_the_page_s_path(own, capsys):
    assert own("prepare") == 0
    path = Path(capsys.readouterr().out.splitlines()[-1].rpartition(" ")[2])
    page = path.read_text(encoding="utf-8")
    assert path == Path("reports/mine/preview.html")
    assert "&lt;b&gt;&#34;&amp;\x01" in page
    assert "<b>" not in page
    assert NAMES[1] in page  # in the table of categories, whole
    assert all(
        link.startswith(("#", "data:")) for link in re.findall(r'(?:href|src)="([^"]*)"', page)
    )
    per_image = page.partition('id="per-image"')[2]
    row = r'<bdi>2</bdi></th><td class="number" style="--part: 100.0%">2</td>'
    assert re.search(row, per_image)  # two images of train have two boxes
    assert own("preview") == 0
    assert capsys.readouterr().out == f"preview: {path}\n"
    assert path.read_text(encoding="utf-8") == page


def test_what_is_missing_or_changed_is_told(own, capsys):
    assert own("preview") == 2
    assert "dataset.json is not there; `cornernet prepare` makes it" in capsys.readouterr().err
    assert own("prepare") == 0
    file = Path("train.json")
    file.write_text(file.read_text().replace("[1, 2, 10, 12]", "[1, 2, 10, 13]"))
    assert own("preview") == 2
    assert "train: annotations changed (.: train.json) since" in capsys.readouterr().err
