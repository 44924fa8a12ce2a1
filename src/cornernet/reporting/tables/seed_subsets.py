"""What a run would have found with some of its seeds: each alone, and each half of them.

measured_seeds.csv has a row per contrast and set of seeds; the mean over them and its error over
images are computed as those over all seeds are (`contrasts.SeedScores`).
"""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping
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
    every = math.comb(len(ordered), size) // (2 - len(ordered) % 2)
    random, found = np.random.default_rng(0), set[tuple[Seeds, Seeds]]()
    while len(ordered) >= FEWEST and len(found) < min(every, MOST):
        drawn = random.permutation(ordered).tolist()
        first, second = sorted([tuple(sorted(drawn[:size])), tuple(sorted(drawn[size:]))])
        found.add((first, second))
    return sorted(found)


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
