"""Read detections in COCO's results format, refusing what cannot be scored.

A file of results is a JSON list with one object per detection: image_id, category_id, bbox (x, y,
width, height in pixels), score. https://cocodataset.org/#format-results
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cornernet.errors import BadInput


@dataclass(frozen=True)
class CocoResults:
    """Detections in the order of their file."""

    image_id: np.ndarray  # int64 [N]
    category_id: np.ndarray  # int64 [N]
    boxes: np.ndarray  # float64 [N, 4]: x, y, width, height in pixels
    score: np.ndarray  # float64 [N]


def _is_integer(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_number(value: Any) -> bool:
    """True for a float, NaN and infinities too, and for an integer that a float can hold."""
    return isinstance(value, float) or (type(value) is int and abs(value) < 2**1023)


def _is_box(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 4 and all(map(_is_number, value))


# What a detection must hold: each key, whether a value fits, and what is wrong with others.
_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "image_id": (_is_integer, "is not an integer of 64 bits"),
    "category_id": (_is_integer, "is not an integer of 64 bits"),
    "bbox": (_is_box, "is no list of four numbers"),
    "score": (_is_number, "is not a number"),
}


def read_coco_results(
    source: Path | Sequence[dict[str, Any]],
    image_ids: Collection[int] | np.ndarray,
    category_ids: Collection[int] | np.ndarray,
    split: str,
) -> CocoResults:
    """Read a results file, or take its parsed content, in the order given.

    `split` names in messages the split that the ids must belong to. Raises BadInput for anything
    but a list of results, for images or categories that the split does not have, and for boxes or
    scores that are not finite.
    """
    name, rows = _content(source)
    if not isinstance(rows, Sequence) or isinstance(rows, str | bytes):
        raise BadInput(f"{name}: not COCO results; write a JSON list with one object per detection")
    for position, row in enumerate(rows, start=1):
        if fault := _fault(row):
            raise BadInput(f"{name}: number {position} {fault}; write it as COCO does")
    results = CocoResults(
        image_id=np.array([row["image_id"] for row in rows], np.int64),
        category_id=np.array([row["category_id"] for row in rows], np.int64),
        boxes=np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4),
        score=np.array([row["score"] for row in rows], np.float64),
    )
    problems = [
        f"{name}: {np.count_nonzero(wrong)} with {what}, the first is number "
        f"{wrong.argmax() + 1} ({values[wrong.argmax()]}); {remedy}"
        for values, wrong, what, remedy in _checks(results, image_ids, category_ids, split)
        if wrong.any()
    ]
    if problems:
        raise BadInput(problems)
    return results


def _content(source: Path | Sequence[dict[str, Any]]) -> tuple[str, Any]:
    """(name for messages, content) of a results file, or of content that was parsed before."""
    if not isinstance(source, Path):
        return "the detections given", source
    try:
        return str(source), json.loads(source.read_bytes())
    except OSError as error:
        raise BadInput(f"{source}: cannot be read ({error.strerror}); make it first") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{source}: not JSON ({error}); write it again") from error


def _fault(row: Any) -> str | None:
    """Which key of a detection is missing or of the wrong type, if any."""
    if not isinstance(row, dict):
        return "is no JSON object"
    for key, (fits, fault) in _KEYS.items():
        if key not in row:
            return f"has no {key}"
        if not fits(row[key]):
            article = "an" if key == "image_id" else "a"
            return f"has {article} {key} that {fault}: {row[key]!r}"
    return None


def _checks(
    results: CocoResults, image_ids: Any, category_ids: Any, split: str
) -> Iterator[tuple[np.ndarray, np.ndarray, str, str]]:
    """Values of every detection, which of them are wrong, what is wrong, and the remedy."""
    for ids, known, kind in (
        (results.image_id, image_ids, "images"),
        (results.category_id, category_ids, "categories"),
    ):
        wrong = ~np.isin(ids, np.fromiter(known, dtype=np.int64))
        what = f"an id that is not among the {kind} of {split}"
        yield ids, wrong, what, "were they made for another split or data set?"
    boxes, remedy = results.boxes, "a box is x, y, width, height in pixels"
    finite = np.isfinite(boxes).all(axis=1)
    yield boxes, ~finite, "a box that is not finite", remedy
    negative = finite & (boxes[:, 2:] < 0).any(axis=1)
    yield boxes, negative, "a box of negative width or height", remedy
    infinite = ~np.isfinite(results.score)
    remedy = "drop them or look for NaN in the network's output"
    yield results.score, infinite, "a score that is not a finite number", remedy
