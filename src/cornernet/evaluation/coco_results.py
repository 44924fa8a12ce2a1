"""Read detections in COCO's results format, refusing what cannot be scored.

A file of results is a JSON list with one object per detection: image_id, category_id, bbox (x, y,
width, height in pixels), score. https://cocodataset.org/#format-results
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cornernet.data.coco.annotations import RESULT_FIELDS, well_formed
from cornernet.errors import BadInput, Problem


@dataclass(frozen=True)
class CocoResults:
    """Detections in the order of their file."""

    image_id: np.ndarray  # int64 [N]
    category_id: np.ndarray  # int64 [N]
    boxes: np.ndarray  # float64 [N, 4]: x, y, width, height in pixels
    score: np.ndarray  # float64 [N]


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
    rows, problems, _ = well_formed(rows, RESULT_FIELDS, "detection")
    results = CocoResults(
        image_id=np.array([row["image_id"] for row in rows], np.int64),
        category_id=np.array([row["category_id"] for row in rows], np.int64),
        boxes=np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4),
        score=np.array([row["score"] for row in rows], np.float64),
    )
    if not problems:
        problems = list(_problems(results, image_ids, category_ids, split))
    if problems:
        raise BadInput(problem.message(name) for problem in problems)
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


def _problems(
    results: CocoResults, image_ids: Any, category_ids: Any, split: str
) -> Iterator[Problem]:
    """Each kind of detection that cannot be scored."""
    ids = (results.image_id, image_ids, "images"), (results.category_id, category_ids, "categories")
    for values, known, kind in ids:
        what = f"an id that is not among the {kind} of {split}"
        wrong = ~np.isin(values, np.fromiter(known, np.int64))
        yield from _problem(values, wrong, what, "were they made for another split or data set?")
    boxes, remedy = results.boxes, "a box is x, y, width, height in pixels"
    finite = np.isfinite(boxes).all(axis=1)
    yield from _problem(boxes, ~finite, "a box that is not finite", remedy)
    negative = finite & (boxes[:, 2:] < 0).any(axis=1)
    yield from _problem(boxes, negative, "a box of negative width or height", remedy)
    remedy = "drop them or look for NaN in the network's output"
    infinite = ~np.isfinite(results.score)
    yield from _problem(results.score, infinite, "a score that is not a finite number", remedy)


def _problem(values: np.ndarray, wrong: np.ndarray, what: str, remedy: str) -> Iterator[Problem]:
    cases = [f"number {row + 1}: {values[row]}" for row in np.flatnonzero(wrong)]
    if cases:
        yield Problem(what, remedy, cases, "detection")
