"""The report in a headless browser: whole, silent, and readable on a phone."""

import json

import pytest
from reporting.synthetic import NOT_SCORED, page_context

from cornernet.reporting.page import render_page


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


def show(browser, path, width, scheme="light"):
    """Open the page from disk on a screen of that width, in CSS pixels."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(path.as_uri())


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("whole", 400, "light"), ("whole", 1200, "dark"), ("single", 400, "dark")],
)
def test_page(browser, pages, name, width, scheme):
    browser.get_log("browser"), browser.get_log("performance")  # forget earlier pages
    show(browser, pages / f"{name}.html", width, scheme)
    assert browser.get_log("browser") == []
    assert requests(browser) <= {(pages / f"{name}.html").as_uri()}
    sizes = browser.execute_script(
        "return [...document.images].map(i => [i.complete, i.naturalWidth, i.naturalHeight])"
    )
    assert len(sizes) == (13 if name == "whole" else 12)  # no claim of one variant is judged
    assert all(complete and w > 0 and h > 0 for complete, w, h in sizes)
    page, body = browser.execute_script(
        "return [document.documentElement.scrollWidth, document.body.scrollWidth]"
    )
    assert max(page, body) <= width


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
    assert len(boxes) == 9
    for box in boxes:
        assert box["box"] <= 400
        assert box["font"] >= 12
        assert box["moved"] == pytest.approx(box["wide"] - box["box"], abs=2)
        assert box["left"] >= 0
    overflowing = browser.execute_script(
        """return [...document.querySelectorAll('.stacked td, p, li, dd, h1, h2, h3')]
             .filter(e => e.getBoundingClientRect().right > 401).map(e => e.textContent)"""
    )
    assert overflowing == []


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
