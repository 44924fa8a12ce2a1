"""Scores that the user drops in: the server's printed lines, or a JSON object."""

import json

import pytest

from cornernet.errors import BadInput
from cornernet.evaluation.metric_names import COCO_METRICS
from cornernet.evaluation.server import read_server_scores
from evaluation.reference import coco_evaluation, evaluated, random_split

# Table 4's single-scale row
VALUES = (40.5, 56.5, 43.1, 19.4, 42.7, 53.9, 35.3, 54.3, 59.1, 37.4, 61.9, 76.9)
PAPER = dict(zip(COCO_METRICS, VALUES, strict=True))
FRACTIONS = {name: value / 100 for name, value in PAPER.items()}
CONTENT, RESULTS = random_split(3, images=12)
PRINTED = coco_evaluation(CONTENT, RESULTS)[1]
FIRST, *OTHERS = PRINTED.splitlines(keepends=True)
SETTING = FIRST[: FIRST.rindex("=")]


@pytest.fixture
def scores(tmp_path):
    """Reads the scores that the user has written."""

    def read(content):
        path = tmp_path / "scores.json"
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_server_scores(path)

    return read


@pytest.mark.parametrize("before", ["", "Running per image evaluation...\nDONE (t=3.2s).\n"])
def test_the_coco_apis_own_lines(scores, before):
    found, metrics = scores(before + PRINTED), evaluated(CONTENT, RESULTS).metrics
    assert found == pytest.approx({name: metrics[name] for name in COCO_METRICS}, abs=0.05001)


def test_minus_one_is_undefined(scores):
    lines = PRINTED.splitlines()
    changed = [line[: line.rindex("=")] + "= -1.000" if "large" in line else line for line in lines]
    for content in ("\n".join(changed), {"AP": 40.5, "AP_large": -1}, {"AP": 4, "AP_large": None}):
        found = scores(content)
        assert found["AP_large"] is found["AR_large"] is None
        assert found["AP"] is not None


@pytest.mark.parametrize("content", [PAPER, FRACTIONS, {**FRACTIONS, "unit": "fraction"}])
def test_percent_and_fractions_are_told_apart(scores, content):
    assert scores(content) == pytest.approx(PAPER)
    assert scores({"AP": 0.4, "AP50": 0.9, "unit": "percent"})["AP50"] == 0.9


def test_the_servers_own_names(scores):
    found = scores(
        {"AP": 0.405, "AP_50": 0.565, "AP_75": 0.431, "AR_max_1": 0.353, "AR_100": 0.591}
    )
    assert [found[name] for name in ("AP50", "AR1", "AR100")] == pytest.approx([56.5, 35.3, 59.1])
    assert found["AR10"] is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "12 of the server's twelve lines are missing"),
        (b"\xff\xfe\x00", "cannot be read as text"),
        ({"AP50": 56.5}, "has no AP"),
        ({"AP": 40.5, "AP_smal": 19.4}, "'AP_smal' is no metric; did you mean 'AP_small'"),
        ({"AP": 40.5, "AP50": "high"}, "AP50 is 'high', not a number"),
        ({"AP": 40.5, "AP50": True}, "AP50 is True, not a number"),
        ({"AP": 40.5, "AP50": 120}, "AP50 out of range"),
        ({"AP": 40.5, "AR1": -3}, "AR1 out of range"),
        ('{"AP": NaN}', "AP out of range"),
        ({"AP": 0.405, "AP50": 56.5}, "AP 0.405 and AP50 56.5 cannot both be right"),
        ({"AP": 56.5, "AP50": 40.5}, "cannot both be right"),
        ({"AP": 40.5, "AP50": 56.5, "AP_50": 56.6}, "AP50 is given twice"),
        ("[40.5]", "neither the server's lines nor a JSON object"),
        ({"AP": 40.5, "unit": "permille"}, "unit 'permille'; write percent or fraction"),
        ("".join(OTHERS[:6]), r"6 of the server's twelve lines are missing \(AP, AR10, AR100"),
        (f"{PRINTED}{SETTING}= 0.999\n", "AP is given twice"),
        (PRINTED.replace("maxDets= 10 ", "maxDets=300 "), "no COCO metric has the setting"),
        ("".join([f"{SETTING}= 40.5\n", *OTHERS]), "AP out of range"),
        ("".join([f"{SETTING}= good\n", *OTHERS]), "AP is 'good', not a number"),
    ],
)
def test_scores_that_cannot_be_used(scores, content, said, tmp_path):
    with pytest.raises(BadInput, match=said) as raised:
        scores(content)
    assert raised.value.problems[0].startswith(str(tmp_path / "scores.json"))
