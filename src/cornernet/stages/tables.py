"""`cornernet tables`: results.csv, differences.csv, and Tables 1 to 4 rendered from them."""

import json
from collections.abc import Iterable
from functools import cache

import numpy as np
import pandas as pd

from cornernet.config import Params
from cornernet.data.coco.split import load_split
from cornernet.evaluation.coco_metrics import Evaluated, evaluate_detections
from cornernet.evaluation.half_sampling import (
    HalfSampled,
    check_paired,
    half_sampled_metrics,
    intervals,
    paired_difference,
)
from cornernet.evaluation.metric_names import METRICS
from cornernet.files import write_text
from cornernet.pipeline.job import Job
from cornernet.pipeline.paths import CLAIMS_FILE, LITERATURE, Tested, Trained
from cornernet.pipeline.scoring import tested_files
from cornernet.reporting.claims.claim_list import load_claims
from cornernet.reporting.claims.judge import claim_comparisons
from cornernet.reporting.tables.corners import collect_corners, corner_scores
from cornernet.reporting.tables.differences import (
    Scores,
    collect_differences,
    possible,
    table_comparisons,
)
from cornernet.reporting.tables.formats import SUFFIXES, render_table, results_summary
from cornernet.reporting.tables.literature import Comparison, Literature, load_literature
from cornernet.reporting.tables.paper_tables import build_tables
from cornernet.reporting.tables.results import collect_results, write_csv
from cornernet.reporting.tables.table import TableContext
from cornernet.reporting.text_and_code import effect_comparisons, effects_summary, found_effects


def table_context(params: Params) -> TableContext:
    """What the tables and figures of a profile share."""
    report = params.report
    literature = load_literature(LITERATURE)
    return TableContext(literature, report.reference, report.notice, params.evaluation.confidence)


def run(job: Job) -> None:
    """Collect all metrics, pair what the tables and claims compare, and render the tables."""
    paths, context = job.paths, table_context(job.profile)
    literature, reference = context.literature, context.reference
    results = collect_results(map(paths.metrics, job.graph.tested), literature, reference)
    claims = load_claims(CLAIMS_FILE, literature, reference, job.profile.variants)
    wanted = (*table_comparisons(literature), *claim_comparisons(claims), *effect_comparisons())
    paired = _paired(job, possible(wanted, results))
    differences = collect_differences(paired, literature, reference, context.confidence)
    write_csv(results, paths.results)
    write_csv(differences, paths.differences)
    write_csv(_corners(job, literature), paths.corner_scores)
    for table in build_tables(results, differences, context):
        for suffix in SUFFIXES:
            write_text(paths.table(table.number, suffix), render_table(table, suffix))
    print(results_summary(results))
    if effects := effects_summary(found_effects(differences)):
        print(f"\n{effects}")


def _corners(job: Job, literature: Literature) -> pd.DataFrame:
    """corners.csv, from the corners that `cornernet corners` found."""
    found = {
        (model.variant, model.seed): pd.read_parquet(job.paths.corners(model))
        for model in job.graph.with_corners
    }
    split = load_split(job.root, job.profile.data.splits["val"], "val")
    return collect_corners(corner_scores(found, split, job.profile), literature)


def _paired(job: Job, comparisons: Iterable[Comparison]) -> dict[Comparison, list[Scores]]:
    """For each comparison, metric -> (difference, ci_low, ci_high) of every seed."""
    settings = job.profile.evaluation

    def from_server(tested: Tested) -> HalfSampled:
        """The server's scores: it tells no image's own, so there are no halves."""
        scores = json.loads(job.paths.metrics(tested).read_text())["metrics"]
        no_halves = np.zeros((0, len(METRICS)))
        images = job.dataset.splits[tested.split].images
        return HalfSampled({name: scores.get(name) for name in METRICS}, no_halves, images)

    @cache  # each test is matched and half-sampled once, however often it is compared
    def half_sampled(tested: Tested) -> tuple[Evaluated, HalfSampled]:
        matched = evaluate_detections(*tested_files(job.graph, tested))
        return matched, half_sampled_metrics(matched, settings.halves, settings.halves_seed)

    def difference(comparison: Comparison, seed: int) -> Scores:
        mine, other = (
            Tested(Trained(cell.variant, seed), comparison.split, cell.mode)
            for cell in (comparison.cell, comparison.reference)
        )
        if comparison.split == "test_dev" and settings.server == "external":
            variant, reference = from_server(mine), from_server(other)
        else:
            (first, variant), (second, reference) = half_sampled(mine), half_sampled(other)
            check_paired(first, second)
        return intervals(paired_difference(variant, reference), settings.confidence)

    seeds = job.profile.train.seeds
    return {pair: [difference(pair, seed) for seed in seeds] for pair in comparisons}
