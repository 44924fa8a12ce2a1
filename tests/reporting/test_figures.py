"""Figures: each kind is drawn, carries its caption, is the same twice, shows its numbers."""

import base64
import re

import cv2
import numpy as np
import pytest

from cornernet.errors import BadInput
from cornernet.reporting.figures.examples import detections_figure, evenly_spaced, overlay_heatmaps
from cornernet.reporting.figures.figure import read_figure, style_of, write_figure
from cornernet.reporting.figures.training import training_curves
from reporting.synthetic import all_figures, example, history, run_results


def test_every_figure_round_trips_the_same_twice_and_refers_to_nothing_outside(tmp_path):
    results = run_results(tmp_path, noise=0.0)
    figures = all_figures(results)
    assert len({figure.name for figure in figures}) == 12
    for figure in figures:
        write_figure(figure, tmp_path)
        assert read_figure(tmp_path / f"{figure.name}.svg") == figure
        assert figure.caption.endswith(".")
        links = re.findall(r'href="([^"]*)"', figure.svg)
        assert all(link.startswith(("#", "data:")) for link in links)
        assert "<dc:date>" not in figure.svg
    assert all_figures(results) == figures


@pytest.mark.parametrize("text", ["<svg", "<svg/>"])
def test_a_file_that_is_no_figure_is_refused(tmp_path, text):
    path = tmp_path / "figure.svg"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"figure\.svg.*run `figures` again"):
        read_figure(path)


def test_detections_are_drawn_where_they_are():
    shown = example(3)
    svg = detections_figure([shown], "Rule.").svg
    strokes = re.findall(r'<rect x="([^"]+)" y="([^"]+)" width="([^"]+)"[^>]*stroke="([^"]+)"', svg)
    drawn = [row for row in strokes if row[3] != "white"]
    truth = [row for row in strokes if row[3] == "white"]
    assert len(truth) == 3
    assert len(drawn) == 2  # the third scores 0.1
    # the surest is drawn last, on top
    assert float(drawn[-1][0]) == pytest.approx(shown.boxes[0, 0], abs=0.06)
    assert float(drawn[-1][2]) == pytest.approx(shown.boxes[0, 2] - shown.boxes[0, 0], abs=0.06)
    assert "disc 0.91" in svg
    data = base64.b64decode(re.search(r"base64,([^\"]+)", svg)[1])
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == shown.image.shape
    x1, y1, x2, y2 = shown.truth[-1].astype(int)  # drawn last, so uncovered
    inside = np.s_[y1 + 3 : y2 - 3, x1 + 3 : x2 - 3]
    colours = [picture[inside].mean(axis=(0, 1)) for picture in (decoded, shown.image)]
    np.testing.assert_allclose(*colours, atol=3)  # not swapped


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


def test_overlay_shows_each_corner_in_its_colour_and_leaves_the_image():
    image = np.full((40, 40, 3), 128, dtype=np.uint8)
    top_left, bottom_right = np.zeros((10, 10)), np.zeros((10, 10))
    top_left[2, 2], bottom_right[7, 7] = 1.0, 1.0
    overlaid = overlay_heatmaps(image, top_left, bottom_right)
    assert (image == 128).all()
    assert overlaid[10, 10, 2] > overlaid[10, 10, 0] + 50  # orange: red over blue
    assert overlaid[30, 30, 0] > overlaid[30, 30, 2] + 50  # blue


def test_no_two_of_many_series_look_alike():
    assert len({str(sorted(style_of(n).items())) for n in range(20)}) == 20


def test_a_curve_that_goes_on_from_another_says_so():
    histories = {"baseline-s0": history(0), "full_schedule-s0": history(1)}
    caption = training_curves(histories, {"full_schedule-s0": "baseline-s0"}).caption
    assert "full_schedule-s0 begins where that of baseline-s0 ends" in caption
    assert "begins" not in training_curves(histories).caption
