"""What each kind of mistake costs: by how many points AP50 rises if it alone is mended.

As TIDE defines it (section 2.3): a wrong category or place is put right where that finds an object
that none found, and removed elsewhere; other wrong detections are removed; missed objects are not
asked for. Costs do not add up to what is missing: a mended mistake may bring another to light.

The mean is COCO's, over categories that have objects, so that costs start from the AP50 reported.
"""

from dataclasses import dataclass

import numpy as np

from cornernet.evaluation.average_precision import accumulate
from cornernet.evaluation.coco_metrics import Evaluated
from cornernet.evaluation.errors.kinds import KINDS, MISSED, RIGHT, Mistakes, find_mistakes
from cornernet.evaluation.matching import IGNORED
from cornernet.evaluation.ranking import FALSE_LEVEL, TRUE_LEVEL, Rankings


@dataclass(frozen=True)
class Cost:
    """How many mistakes of a kind there are, and what they cost in points of AP50."""

    kind: str
    count: int
    cost: float | None  # None without objects


def error_costs(evaluated: Evaluated) -> list[Cost]:
    """The cost of each of KINDS; a detection that COCO ignores is not counted."""
    mistakes = find_mistakes(evaluated)
    counted = evaluated.matches.outcome[0, 0] != IGNORED
    before, costs = _ap50(evaluated, mistakes), []
    for number, kind in enumerate(KINDS):
        count = mistakes.missed if number == MISSED else (mistakes.kind == number) & counted
        cost = None
        if before is not None:
            cost = max((_ap50(evaluated, mistakes, number) or 0.0) - before, 0.0)
        costs.append(Cost(kind, int(count.sum()), cost))
    return costs


def _ap50(evaluated: Evaluated, mistakes: Mistakes, mend: int | None = None) -> float | None:
    """AP50 in percent with one kind of mistake mended; None if the split has no object."""
    matches, categories = evaluated.matches, len(evaluated.category_ids)
    object_category = np.searchsorted(evaluated.category_ids, evaluated.objects.category_id)
    real = ~evaluated.objects.crowd.to_numpy()
    asked = np.bincount(object_category[real], minlength=categories) > 0
    if not asked.any():
        return None
    if mend == MISSED:
        real = real & ~mistakes.missed
    moved = mistakes.mended & (mistakes.kind == mend)
    kept = moved | (matches.outcome[0, 0] != IGNORED) & (mistakes.kind != mend)
    target = np.append(object_category, -1)[mistakes.target]
    category = np.where(moved, target, matches.category)[kept]
    values = _average_precision(
        category,
        evaluated.results.score[matches.detection[kept]],
        ((mistakes.kind == RIGHT) | moved)[kept],
        np.bincount(object_category[real], minlength=categories),
    )
    # Of a category whose objects were all missed, only false detections may be left: TIDE counts 0.
    detected = np.bincount(category, minlength=categories) > 0
    values = np.where(np.isnan(values) & detected, 0.0, values)[asked]
    left = values[~np.isnan(values)]
    return 100 * float(left.mean()) if len(left) else 100.0  # nothing to find, and nothing wrong


def _average_precision(
    category: np.ndarray, score: np.ndarray, right: np.ndarray, objects: np.ndarray
) -> np.ndarray:
    """AP as a fraction [C] of n detections, of which `right` [n] find one of `objects` [C] each.

    NaN where there is no object.
    """
    order = np.lexsort((-score, category))
    levels = np.where(right[order], TRUE_LEVEL, FALSE_LEVEL).astype(np.int32)  # all in one image
    detected = _bounds(np.bincount(category, minlength=len(objects)))
    rankings = Rankings(
        levels,
        detected[:, np.newaxis, np.newaxis],
        _bounds(objects)[:, np.newaxis],
        np.zeros(objects.sum(), np.int64),
    )
    return accumulate(rankings, np.ones((1, 1), bool))[0][0, :, 0, 0]


def _bounds(counts: np.ndarray) -> np.ndarray:
    """First row and last plus one of each run, int64 [C, 2], of runs of so many rows."""
    ends = np.cumsum(counts)
    return np.stack([ends - counts, ends], axis=1)
