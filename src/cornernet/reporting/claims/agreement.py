"""How much the verdicts on directions depend on the seeds: seeds.csv.

The seeds of a run are split into two halves in every way, and each half is judged as if it were the
whole run; so is each seed alone. The noise of training stays that of all seeds.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cornernet.reporting.claims.judge import Claim, directions
from cornernet.reporting.tables.contrasts import Measured, errors_of
from cornernet.reporting.tables.results import as_table
from cornernet.reporting.tables.seed_subsets import Seeds, splits
from cornernet.reporting.training_noise import combined

SEEDS_COLUMNS = (
    "id", "seeds", "mean", "sd", "direction", "splits", "same", "undecided", "opposite",
    "opposite_seeds", "seeds_needed",
)  # fmt: skip
POWER = 0.95
MOST_SEEDS = 1000  # more than anybody trains


def judge_seeds(
    claims: Sequence[Claim],
    found: Sequence[Measured],
    subsets: Mapping[str, Mapping[Seeds, tuple[float, float]]],
    level: float,
) -> pd.DataFrame:
    """seeds.csv: a row per claim that has a direction and was measured with enough seeds to split.

    `found` is what each claim is about with all seeds, `subsets` its value and error over images
    by some seeds. `mean` and `sd`, the standard deviation of one seed's value, are points;
    `direction` is 1, -1, or 0 where noise hides it. Of the `splits` into halves, in `same` both
    have the same direction, in `opposite` they have opposite ones, in `undecided` one has none.
    In `opposite_seeds` seeds alone the direction is opposite to that of all; `seeds_needed` is
    empty where no number up to MOST_SEEDS is enough.
    """
    seeds = sorted({seed for by_seeds in subsets.values() for some in by_seeds for seed in some})
    tested = [
        (claim, ours)
        for claim, ours in zip(claims, found, strict=True)
        if claim.has_direction and ours.seeds == len(seeds)
        if not math.isnan(ours.value + sum(errors_of(ours)))
    ]
    tried, kept = splits(seeds), [claim for claim, _ in tested]
    if not (tried and kept):
        return as_table([], SEEDS_COLUMNS)

    def signs(some: Seeds) -> np.ndarray:
        measured = [
            ours._replace(value=value, images=images, seeds=len(some))
            for claim, ours in tested
            for value, images in [subsets[claim.id][some]]
        ]
        return directions(kept, measured, level)

    whole = directions(kept, [ours for _, ours in tested], level)
    alone = np.array([signs((seed,)) for seed in seeds])
    halves = np.array([signs(first) * signs(second) for first, second in tried])
    rows = []
    for at, (claim, ours) in enumerate(tested):
        values, images = np.transpose([subsets[claim.id][seed,] for seed in seeds])
        needed = seeds_needed(ours, math.sqrt(np.square(images).mean()), level / len(kept))
        counts = [int((halves[:, at] == sign).sum()) for sign in (1, 0, -1)]
        opposite = int((alone[:, at] * whole[at] == -1).sum())
        first = (claim.id, ours.seeds, ours.value, float(values.std(ddof=1)), int(whole[at]))
        rows.append((*first, len(tried), *counts, opposite, str(needed or "")))
    return as_table(rows, SEEDS_COLUMNS).round({"mean": 2, "sd": 2})


def seeds_needed(ours: Measured, images_alone: float, level: float) -> int | None:
    """With how many seeds a difference as large as ours is surely not zero in POWER of all runs.

    The smallest n of at most MOST_SEEDS for which |mean| > (t(1 - level / 2) + t(POWER)) * error(n)
    (NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.2.2), with Student's t for the degrees of
    freedom that the error has with n seeds of each variant. Images' part of the error: the same
    images for all seeds leave what is common to these, whose size follows from the error with one
    seed (`images_alone`) and that with all.
    """
    from scipy.stats import t  # takes time to import

    own = max(images_alone**2 - ours.images**2, 0.0) * ours.seeds / (ours.seeds - 1)
    common = max(images_alone**2 - own, 0.0)

    def enough(number: int) -> bool:
        with_them = ours._replace(images=math.sqrt(common + own / number), seeds=number)
        df = ours.df * (number - 1) / (ours.seeds - 1)
        error, df = combined(*errors_of(with_them), df)
        return bool(abs(ours.value) > (t.ppf(1 - level / 2, df) + t.ppf(POWER, df)) * error)

    number = 1 + bisect_left(range(1, MOST_SEEDS + 1), True, key=enough)
    return number if number <= MOST_SEEDS else None


def agreement_summary(seeds: pd.DataFrame) -> str:
    """seeds.csv in one line; empty where it has no row."""
    if seeds.empty:
        return ""
    known = seeds[seeds["direction"] != 0]
    always = int((known["same"] == known["splits"]).sum())
    halves, alone = (
        ", ".join(
            f"{name} ({count})" for name, count in zip(seeds["id"], counts, strict=True) if count
        )
        for counts in (seeds["opposite"], seeds["opposite_seeds"])
    )
    return (
        f"in {seeds['splits'].max()} splits of {seeds['seeds'].max()} seeds into halves "
        f"{halves or 'no claim'} had opposite directions; {always} of {len(known)} claims with a "
        f"direction had it in both halves of every split; {alone or 'no claim'} had with one seed "
        "the direction opposite to that with all"
    )
