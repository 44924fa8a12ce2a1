"""The report in a headless browser: whole, silent, and readable on a phone."""

import json

import cv2
import numpy as np
import pytest
from reporting.synthetic import NOT_SCORED
from reporting.synthetic_page import page_context

from cornernet.reporting.page import render_page

pytest.importorskip("axe_selenium_python", reason="axe-selenium-python is not installed")
from axe_selenium_python import Axe
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A whole run, and one of a single variant with nothing scored on test-dev."""
    folder = tmp_path_factory.mktemp("pages")
    runs = {
        "whole": {"seeds": (0, 1)},
        "single": {"val": ("baseline/single_scale",), "test_status": NOT_SCORED},
    }
    figures = None
    for name, run in runs.items():
        context = page_context(tmp_path_factory.mktemp(name), figures=figures, **run)
        figures = context.figures  # drawn once: they take the time
        (folder / f"{name}.html").write_text(render_page(context), encoding="utf-8")
    return folder


def show(browser, path, width, scheme="light", height=900):
    """Open the page from disk on a screen of that width, in CSS pixels."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(path.as_uri())


SCREENS = [
    ("whole", width, scheme) for width in (400, 800, 1200, 1920) for scheme in ("light", "dark")
]


@pytest.mark.parametrize(("name", "width", "scheme"), [*SCREENS, ("single", 400, "dark")])
def test_page(browser, pages, name, width, scheme):
    """Silent, alone and within the screen, all of it unfolded."""
    browser.get_log("browser"), browser.get_log("performance")  # forget earlier pages
    show(browser, pages / f"{name}.html", width, scheme)
    browser.execute_script(UNFOLD)
    assert browser.get_log("browser") == []
    assert requests(browser) <= {(pages / f"{name}.html").as_uri()}
    sizes = browser.execute_script(
        "return [...document.images].map(i => [i.complete, i.naturalWidth, i.naturalHeight])"
    )
    assert len(sizes) == (9 if name == "whole" else 8)  # no claim of one variant is judged
    assert all(complete and w > 0 and h > 0 for complete, w, h in sizes)
    page, body = browser.execute_script(
        "return [document.documentElement.scrollWidth, document.body.scrollWidth]"
    )
    assert max(page, body) <= width
    assert browser.execute_script(CUT, width) == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scheme"), [("whole", "light"), ("single", "dark")])
def test_axe_core_finds_nothing(browser, pages, name, scheme):
    # It looks at the contrast of what is on the screen: all of the page.
    show(browser, pages / f"{name}.html", 1200, scheme, height=60_000)
    browser.execute_script(UNFOLD)
    assert browser.execute_script("return document.body.scrollHeight") <= 60_000
    browser.set_script_timeout(250)
    axe = Axe(browser)
    axe.inject()
    found = axe.run()["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


UNFOLD = "document.querySelectorAll('details').forEach(e => { e.open = true; })"
# What reaches over the screen's edge and is in no frame of its own that scrolls.
CUT = """return [...document.querySelectorAll('main *, header *')]
  .filter(e => !e.closest('.scroll table, .strip') && e.getBoundingClientRect().right > arguments[0])
  .map(e => e.outerHTML.slice(0, 99))"""


def requests(browser):
    """Addresses that the page asked for, other than what it carries itself."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }
    return {address for address in asked if not address.startswith("data:")}


def test_tables_are_readable_on_a_phone(browser, pages):
    """Text keeps its size; a wide table scrolls in its own box, its row labels staying in sight."""
    show(browser, pages / "whole.html", 400)
    boxes = browser.execute_script(
        """return [...document.querySelectorAll('.scores')].map(table => {
             const box = table.parentElement;
             box.scrollLeft = 1e6;
             const label = table.querySelector('th[scope=row]').getBoundingClientRect();
             return {wide: table.scrollWidth, box: box.clientWidth, moved: box.scrollLeft,
                     left: label.left, font: parseFloat(getComputedStyle(table).fontSize)}; })"""
    )
    assert len(boxes) == 10
    for box in boxes:
        assert box["box"] <= 400
        assert box["font"] >= 12
        assert box["moved"] == pytest.approx(box["wide"] - box["box"], abs=2)
        assert box["left"] >= 0


def test_gallery_shows_one_image_at_a_time(browser, pages):
    show(browser, pages / "whole.html", 400)
    body, strip = browser.find_element("css selector", "body"), gallery(browser, ".strip")

    def shown():
        until(browser, lambda _: strip.get_property("scrollLeft") % strip.size["width"] < 1)
        figures = strip.find_elements("css selector", "figure")
        left = strip.rect["x"]
        return [one.get_attribute("id") for one in figures if abs(one.rect["x"] - left) < 2]

    browser.execute_script("arguments[0].scrollIntoView()", strip)
    assert shown() == ["picture-001-003"]
    body.send_keys(Keys.ARROW_RIGHT)
    until(browser, lambda _: shown() == ["picture-002-002"])
    assert gallery(browser, "output[name=at]").get_property("value") == "2 of 2"
    Select(gallery(browser, "select")).select_by_value("even")
    until(browser, lambda _: shown() == ["picture-999-001"])
    assert gallery(browser, "output[name=at]").get_property("value") == "1 of 3"

    displayed = "return [...document.querySelectorAll('.strip .found > g')].filter(e => "
    displayed += "getComputedStyle(e).display != 'none').map(e => Number(e.dataset.score))"
    assert 0.3 <= min(browser.execute_script(displayed)) < 0.9
    score = gallery(browser, "input[name=score]")
    browser.execute_script(
        "arguments[0].value = 0.9; arguments[0].dispatchEvent(new Event('input'))", score
    )
    assert min(browser.execute_script(displayed)) >= 0.9


@pytest.mark.parametrize("switch", ["truth", "found", "top-left", "bottom-right"])
def test_switches_work_without_a_script(browser, pages, switch):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(browser, pages / "whole.html", 1200)
        drawn = gallery(browser, f".strip .{switch}")
        assert drawn.value_of_css_property("display") == "inline"
        gallery(browser, f"#show-{switch}").click()
        assert drawn.value_of_css_property("display") == "none"
        assert not gallery(browser, ".scripted").is_displayed()  # what would do nothing
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def until(browser, condition):
    WebDriverWait(browser, 5).until(condition)


def gallery(browser, selector):
    return browser.find_element("css selector", f".gallery {selector}")


def test_a_number_leads_to_what_made_it_which_is_unfolded(browser, pages):
    show(browser, pages / "whole.html", 1200)
    made = browser.find_element("id", "test-baseline-val-single_scale")
    assert not made.is_displayed()
    browser.find_element(
        "css selector", ".scores a[href='#test-baseline-val-single_scale']"
    ).click()
    until(browser, lambda _: made.is_displayed())
    assert "cornernet evaluate-baseline" in made.text


def test_any_cell_can_be_pooled(browser, pages):
    show(browser, pages / "whole.html", 1200)
    pooling = browser.find_element("css selector", ".pooling")
    value = pooling.find_element("css selector", ".sum .value")
    before = value.text
    row = pooling.find_element("css selector", "input[name=row]")
    until(browser, lambda _: row.get_property("value") == "3")
    row.send_keys(Keys.ARROW_RIGHT)
    until(browser, lambda _: value.text != before)
    cell = pooling.find_element("css selector", ".cell")
    assert (cell.get_attribute("cx"), cell.get_attribute("cy")) == ("5.5", "4.5")


def test_figures_follow_the_theme(browser, pages):
    """The middle of each figure's left edge, where its background is."""
    for scheme, darkest, lightest in (("light", 200, 255), ("dark", 0, 60)):
        show(browser, pages / "whole.html", 800, scheme)
        image = browser.find_element("css selector", ".opening img")
        picture = cv2.imdecode(np.frombuffer(image.screenshot_as_png, np.uint8), 1)
        assert darkest <= picture[picture.shape[0] // 2, 1].mean() <= lightest


def test_print_fits_the_paper(browser, pages):
    show(browser, pages / "whole.html", 1200)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    # A4 less margins of 1 cm, at 96 pixels per inch
    metrics = {"width": 718, "height": 1047, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    width = browser.execute_script("return document.documentElement.scrollWidth")
    hidden = browser.execute_script(
        "return document.querySelector('#claims details p').getBoundingClientRect().height"
    )
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert width <= 718
    assert hidden > 0  # what is folded on the screen is printed
