"""The preview in a headless browser: on a phone, in the dark, and its switches without a script."""

from dataclasses import replace

import pytest
from data.sampling.training_case import AUGMENTATION, PAPER, write_split
from reporting.test_preview import NAMES

from browser.test_page import show
from cornernet.data.coco.dataset import Category, Dataset, SplitRecord
from cornernet.reporting.preview.page import preview_page


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("preview")
    split = write_split(folder, [3, 1, 5])
    counts = {"1": 5, "2": 4, "3": 0}
    record = SplitRecord(3, 9, {"small": 9}, counts, {"crowd_boxes": 4}, "", "", 0)
    named = tuple(Category(at, name) for at, name in enumerate(NAMES, start=1))
    dataset = Dataset("folder", named, 0, {"train": record, "val": record})
    params = replace(PAPER, augmentation=AUGMENTATION)
    text = preview_page(params, dataset, {"train": split, "val": split})
    (folder / "preview.html").write_text(text, encoding="utf-8")
    return folder / "preview.html"


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1200, "light")])
def test_preview(browser, page, width, scheme):
    browser.get_log("browser")
    show(browser, page, width, scheme)
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    colours = "const s = getComputedStyle(document.querySelector('td.number')); const b = getComputedStyle(document.body); return [s.color, b.backgroundColor]"
    ink, back = (colour.strip("rgb()").split(",")[0] for colour in browser.execute_script(colours))
    assert (int(ink) > int(back)) == (scheme == "dark")
    for switch, drawn in (("boxes", ".boxes"), ("heatmaps", ".heat"), ("radii", ".near")):
        shown = f"return getComputedStyle(document.querySelector('.samples {drawn}')).display"
        assert browser.execute_script(shown) == "inline"
        browser.find_element("id", switch).click()
        assert browser.execute_script(shown) == "none"
