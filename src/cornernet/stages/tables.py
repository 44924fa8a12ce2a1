"""`cornernet tables`: results.csv, differences.csv, and Tables 1 to 4 rendered from them."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from cornernet.config import Params
from cornernet.config.schema import Mode, Split
from cornernet.data.coco.split import load_split
from cornernet.evaluation.bootstrap import Interval, resampled_metrics
from cornernet.evaluation.coco_metrics import METRICS, Evaluated
from cornernet.evaluation.differences import check_paired, difference_of
from cornernet.files import write_text
from cornernet.options import existing
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.job import Job
from cornernet.pipeline.paths import Paths, Tested, Trained
from cornernet.pipeline.scoring import evaluated
from cornernet.reporting.claims.claim_list import load_claims
from cornernet.reporting.claims.judge import claim_comparisons
from cornernet.reporting.tables.corner_scores import collect_corners, corner_scores
from cornernet.reporting.tables.differences import (
    Scores,
    collect_differences,
    possible,
    table_comparisons,
)
from cornernet.reporting.tables.formats import SUFFIXES, render_table
from cornernet.reporting.tables.literature import Cell, Comparison, load_literature
from cornernet.reporting.tables.paper_tables import build_tables
from cornernet.reporting.tables.results import collect_results, write_csv
from cornernet.reporting.tables.summary import results_summary
from cornernet.reporting.tables.table import TableContext
from cornernet.reporting.text_and_code import effect_comparisons, effects_summary, text_and_code

LITERATURE = Path("params/literature.yaml")
CLAIMS = Path("params/claims.yaml")


def table_context(params: Params) -> TableContext:
    """What the tables and figures of a profile share."""
    report = params.report
    literature = load_literature(LITERATURE)
    return TableContext(literature, report.reference, report.notice, params.evaluation.confidence)


def run(job: Job) -> None:
    """Collect all metrics, pair what the tables and claims compare, and render the tables."""
    params = job.profile
    graph, paths, context = Graph(params), Paths(params.profile), table_context(params)
    literature, reference = context.literature, context.reference
    metrics = [existing(paths.metrics(tested), "evaluate") for tested in graph.tested]
    results = collect_results(metrics, literature, reference)
    claims = load_claims(CLAIMS, literature, reference, params.variants)
    wanted = (*table_comparisons(literature), *claim_comparisons(claims), *effect_comparisons())
    paired = _paired(params, possible(wanted, results))
    differences = collect_differences(paired, literature, reference, context.confidence)
    write_csv(results, paths.results)
    write_csv(differences, paths.differences)
    write_csv(_corners(graph, context), paths.corner_scores)
    for table in build_tables(results, differences, context):
        for suffix in SUFFIXES:
            write_text(paths.table(table.number, suffix), render_table(table, suffix))
    print(results_summary(results))
    if effects := effects_summary(text_and_code(params, differences)):
        print(f"\n{effects}")


def _corners(graph: Graph, context: TableContext) -> pd.DataFrame:
    """corners.csv, from the corners that `cornernet corners` found."""
    found = {
        (model.variant, model.seed): pd.read_parquet(
            existing(graph.paths.corners(model), "corners")
        )
        for model in graph.with_corners
    }
    if not found:
        return collect_corners({}, context.literature)
    data = graph.params.data
    split = load_split(Path(data.root), data.splits["val"], "val")
    return collect_corners(corner_scores(found, split, graph.params), context.literature)


def _paired(params: Params, comparisons: Iterable[Comparison]) -> dict[Comparison, list[Scores]]:
    """For each comparison, metric -> (difference, ci_low, ci_high) of every seed."""
    settings = params.evaluation

    @cache  # each test is matched and resampled once, however often it is compared
    def resampled(tested: Tested) -> tuple[Evaluated, np.ndarray]:
        matched, resamples = evaluated(Graph(params), tested), settings.bootstrap_resamples
        return matched, resampled_metrics(matched, resamples, settings.bootstrap_seed)

    def difference(comparison: Comparison, seed: int) -> Scores:
        mine = _test(comparison.cell, comparison.split, seed)
        other = _test(comparison.reference, comparison.split, seed)
        if comparison.split == "test_dev" and settings.server == "external":
            return _unpaired(params, mine, other)
        (first, values), (second, others) = resampled(mine), resampled(other)
        check_paired(first, second)
        return difference_of(first.metrics, second.metrics, values, others, settings.confidence)

    return {pair: [difference(pair, seed) for seed in params.train.seeds] for pair in comparisons}


def _test(cell: Cell, split: str, seed: int) -> Tested:
    return Tested(Trained(cell.variant, seed), cast(Split, split), cast(Mode, cell.mode))


def _unpaired(params: Params, mine: Tested, other: Tested) -> Scores:
    """Differences of the server's scores: it tells no image's own, so there is no interval."""
    paths = Paths(params.profile)
    first, second = (
        json.loads(paths.metrics(tested).read_text())["metrics"] for tested in (mine, other)
    )
    scores = {}
    for name in METRICS:
        a, b = first.get(name), second.get(name)
        scores[name] = Interval(None if a is None or b is None else a - b, None, None)
    return scores
