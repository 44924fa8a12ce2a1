"""Read detections in COCO's results format, refusing what cannot be scored.

A file of results is a JSON list with one object per detection: image_id, category_id, bbox (x, y,
width, height in pixels), score. https://cocodataset.org/#format-results
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pydantic
from pydantic import Field

from cornernet.errors import BadInput


@dataclass(frozen=True)
class CocoResults:
    """Detections in the order of their file."""

    image_id: np.ndarray  # int64 [N]
    category_id: np.ndarray  # int64 [N]
    boxes: np.ndarray  # float64 [N, 4]: x, y, width, height in pixels
    score: np.ndarray  # float64 [N]


class _Detection(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)

    image_id: Annotated[int, Field(ge=-(2**63), lt=2**63)]
    category_id: Annotated[int, Field(ge=-(2**63), lt=2**63)]
    bbox: Annotated[list[float], Field(min_length=4, max_length=4)]
    score: float


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
    name = str(source) if isinstance(source, Path) else "the detections given"
    rows = _checked(source, name)
    results = CocoResults(
        image_id=np.array([row.image_id for row in rows], np.int64),
        category_id=np.array([row.category_id for row in rows], np.int64),
        boxes=np.array([row.bbox for row in rows], np.float64).reshape(-1, 4),
        score=np.array([row.score for row in rows], np.float64),
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


def _checked(source: Path | Sequence[dict[str, Any]], name: str) -> list[_Detection]:
    """The detections, each with the keys and types that it must have."""
    rows = pydantic.TypeAdapter(Annotated[list[_Detection], pydantic.FailFast()])
    try:
        if isinstance(source, Path):
            return rows.validate_json(source.read_bytes())
        return rows.validate_python(source)
    except OSError as error:
        raise BadInput(f"{name}: cannot be read ({error.strerror}); make it first") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = "".join(f", {key}" for key in first["loc"][1:])
        where = f"number {int(first['loc'][0]) + 1}{where}: " if first["loc"] else ""
        raise BadInput(
            f"{name}: {where}{first['msg']}; give a list with an object per detection, as COCO does"
        ) from None


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
