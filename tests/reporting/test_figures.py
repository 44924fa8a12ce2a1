"""Figures: each kind is drawn, carries its caption, is the same twice, shows its numbers."""

import base64
import re
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from evaluation.reference import evaluated

from cornernet.errors import BadInput
from cornernet.evaluation.errors.confusion import pair
from cornernet.reporting.figures.figure import evenly_spaced, read_figure, style_of, write_figure
from cornernet.reporting.figures.gallery import LEAST_SCORE, Shown, gallery_picture
from cornernet.reporting.figures.method import corner_pooling_figure
from cornernet.reporting.figures.training import training_curves
from reporting.synthetic import run_results
from reporting.synthetic_page import all_figures, history, pictures

SVG = "{http://www.w3.org/2000/svg}"


def test_every_figure_round_trips_the_same_twice_and_refers_to_nothing_outside(tmp_path):
    results = run_results(tmp_path, noise=0.0)
    figures = all_figures(results) + pictures()
    assert len({figure.name for figure in figures}) == 9 + 3
    for figure in figures:
        write_figure(figure, tmp_path)
        assert read_figure(tmp_path / f"{figure.name}.svg") == figure
        assert figure.caption.endswith(".")
        links = re.findall(r'href="([^"]*)"', figure.svg)
        assert all(link.startswith(("#", "data:")) for link in links)
        assert "<dc:date>" not in figure.svg
    assert all_figures(results) + pictures() == figures


@pytest.mark.parametrize("text", ["<svg", "<svg/>"])
def test_a_file_that_is_no_figure_is_refused(tmp_path, text):
    path = tmp_path / "figure.svg"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"figure\.svg.*run `figures` again"):
        read_figure(path)


def test_a_picture_shows_boxes_where_they_are_with_what_went_wrong():
    content = {
        "images": [{"id": 1, "file_name": "one.png", "width": 80, "height": 40}],
        "categories": [{"id": 1, "name": "disc"}, {"id": 2, "name": "a<b"}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 1, "bbox": box}
            for n, box in enumerate([[5, 5, 20, 20], [40, 5, 20, 20], [5, 30, 8, 8]])
        ],
    }
    found = [([6, 5, 20, 20], 1, 0.8), ([40, 6, 20, 20], 2, 0.6), ([60, 30, 9, 9], 1, 0.2)]
    detections = [
        {"image_id": 1, "category_id": category, "bbox": box, "score": score}
        for box, category, score in found
    ]
    scored = evaluated(content, detections)
    image = np.full((40, 80, 3), (200, 90, 20), np.uint8)
    heat = np.zeros((2, 10, 20))
    heat[0, 2, 3] = heat[1, 7, 9] = 0.9
    shown = Shown(1, "one.png", image, *heat, worst=2, even=1)
    picture = gallery_picture(shown, scored, pair(scored, LEAST_SCORE))
    root = ElementTree.fromstring(picture.svg)
    assert (root.get("data-worst"), root.get("data-even")) == ("2", "1")

    def drawn(kind):
        """Score, whether it is shown at first, the box's left and top, the label."""
        group = root.find(f".//*[@class='{kind}']")
        for one in group:
            box, text = next(one.iter(f"{SVG}rect")), next(one.iter(f"{SVG}text"))
            hidden = any(part.get("display") for part in (one, one[-1]))
            yield one.get("data-score"), not hidden, box.get("x"), box.get("y"), text.text

    assert list(drawn("truth")) == [
        ("0.80", False, "5.0", "5.0", "disc, missed"),
        ("0.60", False, "40.0", "5.0", "disc, missed"),
        ("0.00", True, "5.0", "30.0", "disc, missed"),
    ]
    assert list(drawn("found")) == [
        ("0.20", False, "60.0", "30.0", "disc 0.20, no object"),
        ("0.60", True, "40.0", "6.0", "a<b 0.60, is disc"),
        ("0.80", True, "6.0", "5.0", "disc 0.80"),
    ]
    pixels, top_left, bottom_right = (decoded(one) for one in root.iter(f"{SVG}image"))
    np.testing.assert_allclose(pixels, image, atol=3)  # not swapped
    for layer, (row, column) in ((top_left, (2, 3)), (bottom_right, (7, 9))):
        assert layer.shape == (10, 20, 4)
        assert layer[row, column, 3] > 240  # bright
        assert np.count_nonzero(layer[..., 3]) == 9  # widened by a cell
    assert top_left[0, 0, 2] > top_left[0, 0, 0]  # orange: red over blue
    assert bottom_right[0, 0, 0] > bottom_right[0, 0, 2]


def decoded(image):
    data = np.frombuffer(base64.b64decode(image.get("href").partition("base64,")[2]), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_UNCHANGED)


def test_corner_pooling_is_shown_from_a_cell():
    first, second = np.zeros((8, 8)), np.zeros((8, 8))
    first[2:, 3], second[2, 3:] = [1, 0, 0, 3, 0, 0], [1, 0, 2, 0, 0]
    figure = corner_pooling_figure(np.zeros((31, 31, 3), np.uint8), first, second, first, (2, 3))
    root = ElementTree.fromstring(figure.svg)

    def at(kind, name):
        return {one.get(name) for one in root.iter() if one.get("class") == kind}

    assert (at("cell", "cx"), at("cell", "cy")) == ({"3.5"}, {"2.5"})
    assert (at("below", "cy"), at("right", "cx")) == ({"5.5"}, {"5.5"})
    assert [one.text for one in root.iter(f"{SVG}tspan")] == [None, ": 3.00", ": 2.00", ": 5.00"]
    assert decoded(list(root.iter(f"{SVG}image"))[1])[5, 3] == 255
    assert float(root.get("data-top")) == 3


@pytest.mark.parametrize(
    ("ids", "count", "expected"),
    [
        ([5, 1, 3, 2, 4], 1, [3]),
        (range(100), 4, [12, 37, 62, 87]),
        ([7, 9], 8, [7, 9]),
        ([], 3, []),
    ],
)
def test_examples_are_picked_by_rule(ids, count, expected):
    assert evenly_spaced(ids, count) == expected


def test_no_two_of_many_series_look_alike():
    assert len({str(sorted(style_of(n).items())) for n in range(20)}) == 20


def test_a_curve_that_goes_on_from_another_says_so():
    histories = {"baseline-s0": history(0), "full_schedule-s0": history(1)}
    caption = training_curves(histories, {"full_schedule-s0": "baseline-s0"}).caption
    assert "full_schedule-s0 begins where that of baseline-s0 ends" in caption
    assert "begins" not in training_curves(histories).caption
