"""A made-up run's scores, drawn from a seed, in the formats of the pipeline's files."""

import functools
import json
import math
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from cornernet.config.load import load_params
from cornernet.evaluation.errors.kinds import KINDS
from cornernet.evaluation.half_sampling import HalfSampled
from cornernet.evaluation.metric_names import (
    CATEGORY_METRICS,
    CORNER_MODES,
    METRICS,
    QUADRANTS,
)
from cornernet.reporting.claims.claim_list import load_claims
from cornernet.reporting.tables.contrasts import Tests, measure_each, read_measured
from cornernet.reporting.tables.corners import collect_corners
from cornernet.reporting.tables.differences import (
    DIFFERENCE_COLUMNS,
    collect_differences,
    table_comparisons,
)
from cornernet.reporting.tables.literature import Cell, load_literature
from cornernet.reporting.tables.paper_tables import corner_table
from cornernet.reporting.tables.results import collect_results, write_csv
from cornernet.reporting.tables.table import TableContext
from cornernet.reporting.training_noise import TrainingNoise, scores_of_models

PARAMS = Path(__file__).parents[2] / "params"
NOT_SCORED = "submitted, not scored"
VAL_CELLS = (
    "baseline/single_scale", "no_corner_pooling/single_scale", "no_penalty_reduction/single_scale",
    "fixed_radius/single_scale", "full_schedule/single_scale", "baseline/gt_heatmaps",
    "baseline/gt_heatmaps_offsets",
)  # fmt: skip

TEST_CELLS = ("full_schedule/single_scale", "full_schedule/multi_scale")


@functools.cache
def literature():
    return load_literature(PARAMS / "literature.yaml")


@functools.cache
def claims(reference="eccv"):
    return load_claims(PARAMS / "claims.yaml", literature(), reference)


@functools.cache
def profile(name):
    return load_params(name, folder=PARAMS)


def table_context(notice="", confidence=0.95):
    return TableContext(literature(), "eccv", notice, confidence)


def write_metrics(
    folder, cell, split, status="scored", seed=0, noise=1.0, metrics=None, categories=()
):
    """One file as `evaluate` writes it: the paper's numbers plus noise, unless `metrics` says."""
    variant, mode = cell.split("/")
    random = np.random.default_rng([seed, len(cell), len(split)])
    intervals = {}
    if metrics is None:
        found = [literature().value("eccv", split, Cell(variant, mode), name) for name in METRICS]
        centre = [50.0 if value is None else value for value in found]
        drawn = np.clip(np.array(centre) + noise * random.normal(size=len(METRICS)), 0, 100)
        metrics = {name: float(value) for name, value in zip(METRICS, drawn, strict=True)}
        ends = np.clip([drawn - 1, drawn + 1], 0, 100).T.tolist()
        intervals = dict(zip(METRICS, ends, strict=True))
    if status != "scored":
        metrics, intervals = {}, {}
    tree = {"variant": variant, "seed": seed, "split": split, "mode": mode, "status": status}
    tree |= {"images": 100, "metrics": metrics, "intervals": intervals}
    scores = dict.fromkeys(CATEGORY_METRICS, 40.0)
    ends = {metric: [35.0, 45.0] for metric in CATEGORY_METRICS}
    tree["categories"] = [
        {"id": number, "name": name, "objects": 9, "metrics": scores, "intervals": ends}
        for number, name in enumerate(categories)
    ]
    tree["errors"] = [{"kind": kind, "count": 3, "cost": 1.25} for kind in KINDS]
    path = folder / f"{variant}-s{seed}-{split}-{mode}.json"
    path.write_text(json.dumps(tree))
    return path


def run_results(
    folder, seeds=(0,), val=VAL_CELLS, test=TEST_CELLS, test_status="scored", noise=0.1, extra=()
):
    """results.csv of a whole run; `extra` are further metrics files."""
    tested = [(cell, "val", "scored") for cell in val]
    tested += [(cell, "test_dev", test_status) for cell in test]
    paths = [write_metrics(folder, *one, s, noise=noise) for one in tested for s in seeds]
    return collect_results([*paths, *extra], literature(), "eccv")


def run_tests(results, error=0.25, noise=0.0, server=False, owners=None):
    """The tests of a run whose scores all have that standard error over images, when paired."""

    @functools.cache
    def halves(split, cell, seed):
        if server and split == "test_dev":
            return None
        drawn = np.random.default_rng([len(str(cell)), seed]).normal(size=(400, len(METRICS)))
        return HalfSampled(dict.fromkeys(METRICS), 50 + drawn * error / math.sqrt(2), 100)

    known = dict.fromkeys(METRICS, noise) if noise is not None else {}
    scores = scores_of_models(results, owners or {})
    return Tests(results, halves, TrainingNoise(scores, assumed=known, owners=owners or {}))


def paired_differences(tests):
    """differences.csv of a run."""
    wanted = table_comparisons(literature(), tests.results)
    return collect_differences(wanted, tests, literature(), "eccv")


def measured(results, **noise):
    """What each claim is about, as `tables` writes it and `claims` reads it."""
    contrasts = {claim.id: claim.contrast for claim in claims() if claim.contrast is not None}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "measured.csv"
        write_csv(measure_each(contrasts, run_tests(results, **noise)), path)
        return read_measured(path)


def effects(*rows):
    """differences.csv with the given (variant, mode, metric, value, ci_low, ci_high) on val."""
    tree = [(variant, "baseline", "val", *rest, None, "", 0.0, 1, "") for variant, *rest in rows]
    return pd.DataFrame(tree, columns=list(DIFFERENCE_COLUMNS))


def made_corners(seeds=(0,), noise=0.5):
    """Scores of corners around the journal's numbers, half a point to either side on the halves."""
    random, scored = np.random.default_rng(3), {}
    for variant, side in (("no_corner_pooling", 1), ("baseline", -1)):
        for mode in CORNER_MODES:
            papers = [literature().value("", "val", Cell(variant, mode), q) for q in QUADRANTS]
            for seed in seeds:
                values = [(paper or 62.0) + noise * random.normal() for paper in papers]
                halves = np.array(values) + side * np.array([[0.5], [-0.5]])
                scores = dict(zip(QUADRANTS, values, strict=True))
                scored[Cell(variant, mode), seed] = HalfSampled(scores, halves, 100)
    return scored


def table_of_corners(scored, notice=""):
    """Their table, from corners.csv and differences.csv."""
    corners = collect_corners(scored, literature(), 0.95)
    noise = TrainingNoise(scores_of_models(corners, {}))
    differences = paired_differences(Tests(corners, lambda _, *test: scored[test], noise))
    return corner_table(corners, differences, 12, table_context(notice))
