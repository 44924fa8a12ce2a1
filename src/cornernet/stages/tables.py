"""`cornernet tables`: results.csv, differences.csv, and Tables 1 to 4 rendered from them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np

from cornernet.config import Params
from cornernet.config.schema import Mode, Split
from cornernet.evaluation.bootstrap import resampled_metrics
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
from cornernet.reporting.tables.corner_scores import corner_scores
from cornernet.reporting.tables.corner_table import collect_corners
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
from cornernet.reporting.text_and_code import effect_comparisons, effects_summary, text_and_code

LITERATURE = Path("params/literature.yaml")
CLAIMS = Path("params/claims.yaml")


def run(job: Job) -> None:
    """Collect all metrics, pair what the tables and claims compare, and render the tables."""
    params = job.profile
    graph, paths, report = Graph(params), Paths(params.profile), params.report
    literature = load_literature(LITERATURE)
    confidence = params.evaluation.confidence
    metrics = [existing(paths.metrics(tested), "evaluate") for tested in graph.tested]
    results = collect_results(metrics, literature, report.reference)
    claims = load_claims(CLAIMS, literature, report.reference, params.variants)
    wanted = possible(
        (*table_comparisons(literature), *claim_comparisons(claims), *effect_comparisons()), results
    )
    paired = Pairing(params).differences(wanted)
    differences = collect_differences(paired, literature, report.reference, confidence)
    write_csv(results, paths.results)
    write_csv(differences, paths.differences)
    write_csv(collect_corners(corner_scores(params), literature), paths.corner_scores)
    texts = (literature, report.reference, report.notice)
    for table in build_tables(results, differences, *texts, confidence):
        for suffix in SUFFIXES:
            write_text(paths.table(table.number, suffix), render_table(table, suffix))
    print(results_summary(results))
    if effects := effects_summary(text_and_code(params, differences)):
        print(f"\n{effects}")


class Pairing:
    """Paired differences between tests; each test is matched and resampled once."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._matched: dict[Tested, Evaluated] = {}
        self._resampled: dict[Tested, np.ndarray] = {}

    def differences(self, comparisons: tuple[Comparison, ...]) -> Mapping[Comparison, list[Scores]]:
        """For each comparison, metric -> (difference, ci_low, ci_high) of every seed."""
        return {
            comparison: [self._difference(comparison, seed) for seed in self._params.train.seeds]
            for comparison in comparisons
        }

    def _difference(self, comparison: Comparison, seed: int) -> Scores:
        mine = self._test(comparison.cell, comparison.split, seed)
        other = self._test(comparison.reference, comparison.split, seed)
        settings = self._params.evaluation
        if comparison.split == "test_dev" and settings.server == "external":
            return _unpaired(self._params, mine, other)
        for tested in (mine, other):
            if tested not in self._matched:
                self._matched[tested] = evaluated(self._params, tested)
                self._resampled[tested] = resampled_metrics(
                    self._matched[tested], settings.bootstrap_resamples, settings.bootstrap_seed
                )
        check_paired(self._matched[mine], self._matched[other])
        return difference_of(
            self._matched[mine].metrics,
            self._matched[other].metrics,
            self._resampled[mine],
            self._resampled[other],
            settings.confidence,
        )

    def _test(self, cell: Cell, split: str, seed: int) -> Tested:
        return Tested(Trained(cell.variant, seed), cast(Split, split), cast(Mode, cell.mode))


def _unpaired(params: Params, mine: Tested, other: Tested) -> Scores:
    """Differences of the server's scores: it tells no image's own, so there is no interval."""
    paths = Paths(params.profile)
    first, second = (
        json.loads(paths.metrics(tested).read_text())["metrics"] for tested in (mine, other)
    )
    scores: dict[str, tuple[float | None, float | None, float | None]] = {}
    for name in METRICS:
        a, b = (scored.get(name) for scored in (first, second))
        scores[name] = (None if a is None or b is None else a - b, None, None)
    return scores
