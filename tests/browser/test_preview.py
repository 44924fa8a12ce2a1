"""The preview in a headless browser: on a phone, in the dark, and its switches without a script."""

import pytest
from data.sampling.training_case import AUGMENTATION, write_split
from reporting.test_preview import page_of

from browser.test_page import show


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1200, "light")])
def test_preview(browser, tmp_path, width, scheme):
    page = tmp_path / "preview.html"
    page.write_text(page_of(write_split(tmp_path, [3, 1, 5]), AUGMENTATION), encoding="utf-8")
    browser.get_log("browser")
    show(browser, page, width, scheme)
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    ink, back = browser.execute_script(
        """return [['td.number', 'color'], ['body', 'backgroundColor']].map(([one, of]) =>
             parseInt(getComputedStyle(document.querySelector(one))[of].slice(4)))"""
    )
    assert (ink > back) == (scheme == "dark")
    for switch, drawn in (("boxes", ".boxes"), ("heatmaps", ".heat"), ("radii", ".near")):
        shown = f"return getComputedStyle(document.querySelector('.samples {drawn}')).display"
        assert browser.execute_script(shown) == "inline"
        browser.find_element("id", switch).click()
        assert browser.execute_script(shown) == "none"
