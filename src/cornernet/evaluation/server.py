"""Scores of a test-dev submission: what COCO's evaluation server answered.

Its annotations are secret: the user submits the zip and saves the scores beside it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cornernet.errors import BadInput, nearest
from cornernet.evaluation.metric_names import COCO_METRICS, METRICS, summary_lines

_LINE = re.compile(
    r"Average (?:Precision|Recall)\s+\((AP|AR)\)\s+@\[\s*IoU=([\d.:]+)\s*\|\s*area=\s*(\w+)\s*"
    r"\|\s*maxDets=\s*(\d+)\s*\]\s*=\s*(\S+)"
)
# The server's own JSON has another form of some names: AP_50, AR_10, AR_max_10.
_OTHER_NAME = re.compile(r"(AP|AR)_(?:max_)?(\d+)")
_UNDEFINED = -1.0  # what the COCO API prints for a metric that no object defines


def read_server_scores(path: Path, submission: Path | None = None) -> dict[str, float | None]:
    """The server's twelve metrics in percent; None where undefined or not given.

    The file is either what the server prints (twelve lines "Average Precision  (AP) @[ IoU=..."),
    or a JSON object such as {"AP": 0.405, "AP50": 0.565, ...}. JSON values are fractions if all
    lie between 0 and 1, else percent; "unit": "percent" or "fraction" settles it. The object may
    name the zip that was scored by its digest, "submission_sha256", checked against `submission`.
    Raises BadInput for anything else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{path}: cannot be read as text ({error}); save the scores again"
        ) from error
    try:
        content = json.loads(text)
    except ValueError:
        content = text
    unit: str | None = "fraction"
    if isinstance(content, str):
        given = _from_lines(content, path)
    elif isinstance(content, dict):
        unit, given = _from_object(content, path, submission)
    else:
        raise BadInput(f"{path}: neither the server's lines nor a JSON object of metrics")
    scores: dict[str, float | None] = {}
    for name, value in given:
        score = _number(value, name, path)
        if name in scores and scores[name] != score:
            raise BadInput(f"{path}: {name} is given twice, differently; keep one")
        scores[name] = score
    if unit is None and all(score <= 1 for score in scores.values() if score is not None):
        unit = "fraction"
    if unit == "fraction":
        scores = {name: None if score is None else 100 * score for name, score in scores.items()}
    _check_scores(scores, path)
    return {name: scores.get(name) for name in COCO_METRICS}


def _from_lines(text: str, path: Path) -> list[tuple[str, str]]:
    """Names and values of the twelve lines that the COCO API prints."""
    names, given = _names_by_setting(), []
    for *setting, value in _LINE.findall(text):
        if tuple(setting) not in names:
            raise BadInput(f"{path}: no COCO metric has the setting {', '.join(setting)}")
        given.append((names[tuple(setting)], value))
    if missing := [name for name in COCO_METRICS if name not in dict(given)]:
        raise BadInput(
            f"{path}: {len(missing)} of the server's twelve lines are missing "
            f"({', '.join(missing)}); copy all of them, or write a JSON object of metrics"
        )
    return given


def _from_object(
    content: dict[str, Any], path: Path, submission: Path | None
) -> tuple[str | None, list[tuple[str, Any]]]:
    """The unit, and names and values, of a flat JSON object."""
    unit = content.pop("unit", None)
    digest = content.pop("submission_sha256", None)
    if unit not in (None, "percent", "fraction"):
        raise BadInput(f"{path}: unit {unit!r}; write percent or fraction")
    if digest is not None and submission is not None:
        found = hashlib.sha256(submission.read_bytes()).hexdigest()
        if digest != found:
            raise BadInput(
                f"{path}: these are scores of another submission ({str(digest)[:12]}), not of "
                f"{submission} ({found[:12]}); submit that one, or remove the scores"
            )
    given = [(_OTHER_NAME.sub(r"\1\2", key), value) for key, value in content.items()]
    for name, _ in given:
        if name not in METRICS:
            hint = nearest(name, METRICS) or f"; known: {', '.join(METRICS)}"
            raise BadInput(f"{path}: {name!r} is no metric{hint}")
    return unit, given


def _names_by_setting() -> dict[tuple[str, ...], str]:
    """COCO's metrics by the settings in their lines: (AP or AR, IoU, area, detections)."""
    lines = zip(COCO_METRICS, summary_lines(dict.fromkeys(COCO_METRICS, 0.0)), strict=True)
    return {_LINE.findall(line)[0][:-1]: name for name, line in lines}


def _number(value: Any, name: str, path: Path) -> float | None:
    """A score as a number; None where it is undefined."""
    if value is None:
        return None
    try:
        score = float(str(value))  # a bool's text is no number
    except ValueError:
        raise BadInput(
            f"{path}: {name} is {value!r}, not a number; save the scores again"
        ) from None
    return None if score == _UNDEFINED else score


def _check_scores(scores: Mapping[str, float | None], path: Path) -> None:
    """AP must be there, every value lie in [0, 100], and AP fit AP50 (units are not mixed)."""
    overall, half = scores.get("AP"), scores.get("AP50")
    if overall is None:
        raise BadInput(f"{path}: has no AP; give the server's scores for the whole split")
    wrong = [name for name, value in scores.items() if value is not None and not 0 <= value <= 100]
    if wrong:
        raise BadInput(
            f"{path}: {', '.join(wrong)} out of range; give all in percent or all as fractions"
        )
    # AP is the mean over ten IoUs of which AP50 is the easiest: AP50 / 10 <= AP <= AP50.
    rounding = 0.1
    if half is not None and not half / 10 - rounding <= overall <= half + rounding:
        raise BadInput(
            f"{path}: AP {overall:g} and AP50 {half:g} cannot both be right; give all in percent "
            "or all as fractions of one result"
        )
