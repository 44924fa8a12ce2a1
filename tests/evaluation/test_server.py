"""Scores that the user drops in: the server's printed lines, or a JSON object."""

import hashlib
import json

import pytest

from cornernet.errors import BadInput
from cornernet.evaluation.metric_names import COCO_METRICS
from cornernet.evaluation.server import read_server_scores
from evaluation.reference import coco_evaluation, evaluated, random_split

# Table 4's single-scale row
VALUES = (40.5, 56.5, 43.1, 19.4, 42.7, 53.9, 35.3, 54.3, 59.1, 37.4, 61.9, 76.9)
PAPER = dict(zip(COCO_METRICS, VALUES, strict=True))


def written(tmp_path, content):
    path = tmp_path / "scores.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def coco_lines(seed=3):
    content, results = random_split(seed, images=12)
    return coco_evaluation(content, results)[1], evaluated(content, results).metrics


def test_the_coco_apis_own_lines(tmp_path):
    printed, metrics = coco_lines()
    noise = "Running per image evaluation...\nDONE (t=3.2s).\n" + printed
    for content in (printed, noise):
        scores = read_server_scores(written(tmp_path, content))
        assert tuple(scores) == COCO_METRICS
        for name in COCO_METRICS:
            assert scores[name] == pytest.approx(metrics[name], abs=0.05001)


def test_minus_one_is_undefined(tmp_path):
    lines = coco_lines()[0].splitlines()
    changed = [line[: line.rindex("=")] + "= -1.000" if "large" in line else line for line in lines]
    for content in ("\n".join(changed), {"AP": 40.5, "AP_large": -1}, {"AP": 4, "AP_large": None}):
        scores = read_server_scores(written(tmp_path, content))
        assert scores["AP_large"] is scores["AR_large"] is None
        assert scores["AP"] is not None


def test_percent_and_fractions_are_told_apart(tmp_path):
    fractions = {name: value / 100 for name, value in PAPER.items()}
    for content in (PAPER, fractions, {**fractions, "unit": "fraction"}):
        assert read_server_scores(written(tmp_path, content)) == pytest.approx(PAPER)
    tiny = {"AP": 0.4, "AP50": 0.9, "unit": "percent"}
    assert read_server_scores(written(tmp_path, tiny))["AP50"] == 0.9


def test_the_servers_own_names(tmp_path):
    scores = {"AP": 0.405, "AP_50": 0.565, "AP_75": 0.431, "AR_max_1": 0.353, "AR_100": 0.591}
    found = read_server_scores(written(tmp_path, scores))
    assert found["AP50"] == pytest.approx(56.5)
    assert found["AR1"] == pytest.approx(35.3)
    assert found["AR100"] == pytest.approx(59.1)
    assert found["AR10"] is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "12 of the server's twelve lines are missing"),
        ({"AP50": 56.5}, "has no AP"),
        ({"AP": 40.5, "AP_smal": 19.4}, "'AP_smal' is no metric; did you mean 'AP_small'"),
        ({"AP": 40.5, "AP50": "high"}, "AP50 is 'high', not a number"),
        ({"AP": 40.5, "AP50": True}, "AP50 is True, not a number"),
        ({"AP": 40.5, "AP50": [1]}, "AP50 is .*, not a number"),
        ({"AP": 40.5, "AP50": 120}, "AP50 out of range"),
        ({"AP": 40.5, "AR1": -3}, "AR1 out of range"),
        ('{"AP": NaN}', "AP out of range"),
        ({"AP": 0.405, "AP50": 56.5}, "AP 0.405 and AP50 56.5 cannot both be right"),
        ({"AP": 56.5, "AP50": 40.5}, "cannot both be right"),
        ({"AP": 40.5, "AP50": 56.5, "AP_50": 56.6}, "AP50 is given twice"),
        ("[40.5]", "neither the server's lines nor a JSON object"),
        ({"AP": 40.5, "unit": "permille"}, "unit 'permille'; write percent or fraction"),
    ],
)
def test_scores_that_cannot_be_used(tmp_path, content, said):
    with pytest.raises(BadInput, match=said) as raised:
        read_server_scores(written(tmp_path, content))
    assert raised.value.problems[0].startswith(str(tmp_path / "scores.json"))


def test_lines_that_cannot_be_used(tmp_path):
    printed = coco_lines()[0]
    first, *others = printed.splitlines(keepends=True)
    setting, rest = first[: first.rindex("=")], "".join(others)
    for content, said in (
        ("".join(others[:6]), r"6 of the server's twelve lines are missing \(AP, AR10, AR100"),
        (f"{printed}{setting}= 0.999\n", "AP is given twice"),
        (printed.replace("maxDets= 10 ", "maxDets=300 "), "no COCO metric has the setting"),
        (f"{setting}= 40.5\n{rest}", "AP out of range"),
        (f"{setting}= good\n{rest}", "AP is 'good', not a number"),
    ):
        with pytest.raises(BadInput, match=said):
            read_server_scores(written(tmp_path, content))


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        read_server_scores(tmp_path / "absent.json")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="cannot be read as text"):
        read_server_scores(tmp_path / "binary")


def test_scores_of_another_submission(tmp_path):
    submission = tmp_path / "a.zip"
    submission.write_bytes(b"one model")
    digest = hashlib.sha256(b"one model").hexdigest()
    path = written(tmp_path, {"AP": 40.5, "submission_sha256": digest})
    assert read_server_scores(path, submission)["AP"] == 40.5
    submission.write_bytes(b"another model")
    with pytest.raises(BadInput, match="another submission"):
        read_server_scores(path, submission)
