"""What a run would have found with some of its seeds: each alone, and each half of them.

measured_seeds.csv has a row per contrast and set of seeds; the mean over them and its error over
images are computed as those over all seeds are (`contrasts.SeedScores`).
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import combinations, count
from pathlib import Path

import numpy as np
import pandas as pd

from cornernet.reporting.tables.contrasts import Contrast, NotMeasured, Tests, seed_scores
from cornernet.reporting.tables.results import read_csv

FEWEST = 4  # seeds, so that a half has two
MOST = 126  # splits; ten seeds have as many
SUBSET_COLUMNS = ("claim", "of_seeds", "value", "images")

Seeds = tuple[int, ...]


def splits(seeds: Collection[int]) -> list[tuple[Seeds, Seeds]]:
    """The ways to split seeds into halves, of which one is larger by a seed if their number is odd.

    All of them, or MOST that are drawn, always the same; none of fewer seeds than FEWEST.
    """
    ordered, size = sorted(seeds), len(seeds) // 2
    if len(ordered) < FEWEST:
        return []
    halves: Iterable[Seeds] = combinations(ordered, size)
    if math.comb(len(ordered), size) > 2 * MOST:
        random = np.random.default_rng(0)
        halves = (tuple(sorted(random.permutation(ordered)[:size].tolist())) for _ in count())
    found: dict[tuple[Seeds, Seeds], None] = {}
    for half in halves:
        first, second = sorted([half, tuple(seed for seed in ordered if seed not in half)])
        found[first, second] = None
        if len(found) == MOST:
            break
    return list(found)


def measure_subsets(contrasts: Mapping[str, Contrast], tests: Tests) -> pd.DataFrame:
    """measured_seeds.csv: each claim's contrast with each seed, and with each half of the seeds."""
    rows = []
    for claim, contrast in contrasts.items():
        try:
            scores = seed_scores(contrast, tests)
        except NotMeasured:  # measured.csv has the reason
            continue
        halves = [half for split in splits(scores.values) for half in split]
        alone = [(seed,) for seed in scores.values if halves]
        rows += [
            (claim, " ".join(map(str, seeds)), *scores.mean(seeds)) for seeds in (*alone, *halves)
        ]
    return pd.DataFrame(rows, columns=list(SUBSET_COLUMNS))


def read_subsets(path: Path) -> dict[str, dict[Seeds, tuple[float, float]]]:
    """By the claim's id and the seeds: the value in points, and its error over images.

    Raises BadInput if it is no measured_seeds.csv.
    """
    found: dict[str, dict[Seeds, tuple[float, float]]] = defaultdict(dict)
    for claim, seeds, *measured in read_csv(path, SUBSET_COLUMNS).itertuples(index=False):
        found[claim][tuple(map(int, str(seeds).split()))] = tuple(measured)
    return dict(found)
