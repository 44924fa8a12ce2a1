"""`cornernet tables`: results.csv, differences.csv, and Tables 1 to 4 rendered from them."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import cast

import pandas as pd

from cornernet.config import Params
from cornernet.config.schema import Mode, Split
from cornernet.data.coco.split import load_split
from cornernet.evaluation.coco_metrics import evaluate_detections
from cornernet.evaluation.corners import score_corners
from cornernet.evaluation.half_sampling import HalfSampled, half_sampled_metrics
from cornernet.evaluation.metric_names import CORNER_MODES
from cornernet.files import write_text
from cornernet.pipeline.job import Job
from cornernet.pipeline.paths import (
    BREAKDOWNS,
    CLAIMS_FILE,
    LITERATURE,
    TRAINING_NOISE,
    Tested,
    Trained,
)
from cornernet.pipeline.scoring import tested_files
from cornernet.pipeline.staleness.training_key import training_keys
from cornernet.reporting.claims.claim_list import load_claims
from cornernet.reporting.tables import breakdown
from cornernet.reporting.tables.contrasts import Tests, measure_each
from cornernet.reporting.tables.corners import collect_corners
from cornernet.reporting.tables.differences import collect_differences, table_comparisons
from cornernet.reporting.tables.formats import SUFFIXES, render_table, results_summary
from cornernet.reporting.tables.literature import Cell, load_literature
from cornernet.reporting.tables.paper_tables import build_tables
from cornernet.reporting.tables.results import (
    category_results,
    collect_results,
    read_metrics,
    write_csv,
)
from cornernet.reporting.tables.seed_subsets import measure_subsets
from cornernet.reporting.tables.table import TableContext
from cornernet.reporting.text_and_code import effect_comparisons, effects_summary, found_effects
from cornernet.reporting.training_noise import (
    TrainingNoise,
    read_record,
    recorded_models,
    scores_of_models,
)


def table_context(params: Params) -> TableContext:
    """What the tables and figures of a profile share."""
    report = params.report
    literature = load_literature(LITERATURE)
    return TableContext(literature, report.reference, report.notice, params.evaluation.confidence)


def val_tests(job: Job) -> list[Tested]:
    """The single-scale tests on val, with the first seed of each variant that has own weights."""
    first = job.profile.train.seeds[0]
    return [
        tested
        for tested in job.graph.tested
        if (tested.split, tested.mode, tested.trained.seed) == ("val", "single_scale", first)
        and job.graph.weights_of(tested.trained) == tested.trained
    ]


def run(job: Job) -> None:
    """Collect all metrics, measure what the tables and claims compare, and render the tables."""
    paths, context, corners = job.paths, table_context(job.profile), _corners(job)
    literature, reference = context.literature, context.reference
    results = collect_results(map(paths.metrics, job.graph.tested), literature, reference)
    corner_scores = collect_corners(corners, literature, context.confidence)
    scores = pd.concat([results, corner_scores]) if corners else results
    tests = Tests(scores, _halves(job, corners), _noise(job, scores))
    wanted = (*table_comparisons(literature, scores), *effect_comparisons(job.graph.owners))
    differences = collect_differences(wanted, tests, literature, reference, context.confidence)
    claims = load_claims(CLAIMS_FILE, literature, reference, job.profile.variants)
    contrasts = {claim.id: claim.contrast for claim in claims if claim.contrast is not None}
    by_category = category_results(map(paths.metrics, job.graph.tested))
    write_csv(pd.concat([results, by_category]) if len(by_category) else results, paths.results)
    write_csv(differences, paths.differences)
    write_csv(measure_each(contrasts, tests), paths.measured)
    write_csv(measure_subsets(contrasts, tests), paths.measured_seeds)
    write_csv(corner_scores, paths.corner_scores)
    for table in build_tables(results, differences, context):
        for suffix in SUFFIXES:
            write_text(paths.table(table.number, suffix), render_table(table, suffix))
    _write_breakdowns(job)
    print(results_summary(results))
    if effects := effects_summary(found_effects(differences)):
        print(f"\n{effects}")


def _write_breakdowns(job: Job) -> None:
    """Val's scores by category, and what kinds of mistakes cost there."""
    files = [read_metrics(job.paths.metrics(test)) for test in val_tests(job)]
    frames = breakdown.collect_categories(files), breakdown.collect_errors(files)
    of_categories = breakdown.category_tables(frames[0], job.profile.evaluation.confidence)
    shown = of_categories, breakdown.error_tables(frames[1])
    for name, frame, tables in zip(BREAKDOWNS, frames, shown, strict=True):
        write_csv(frame, job.paths.breakdown(name, "csv"))
        for suffix in ("md", "tex"):
            text = breakdown.render_breakdown(tables, suffix)
            write_text(job.paths.breakdown(name, suffix), text)


def _noise(job: Job, scores: pd.DataFrame) -> TrainingNoise:
    """What the run's own seeds, the record and the profile say of the noise of training."""
    owners, assumed = job.graph.owners, job.profile.report.assumed_noise
    recorded = recorded_models(read_record(TRAINING_NOISE), training_keys(job.graph, job.dataset))
    deviation = assumed.deviation if assumed else {}
    return TrainingNoise(scores_of_models(scores, owners), recorded, deviation, owners)


def _corners(job: Job) -> dict[tuple[Cell, int], HalfSampled]:
    """Scores of the corners that `cornernet corners` found, by variant and mode, and seed."""
    params, settings, scored = job.profile, job.profile.evaluation, {}
    split = load_split(job.root, params.data.splits["val"], "val")
    for model in job.graph.with_corners:
        found = pd.read_parquet(job.paths.corners(model))
        for mode in CORNER_MODES:
            drawn = (params.corners.radius, settings.halves, settings.halves_seed)
            scores = score_corners(split, found, mode, *drawn)
            scored[Cell(model.variant, mode), model.seed] = scores
    return scored


def _halves(
    job: Job, corners: Mapping[tuple[Cell, int], HalfSampled]
) -> Callable[[Split, Cell, int], HalfSampled | None]:
    """The halves of each test; a server tells no image's own score, so there are none."""
    settings = job.profile.evaluation

    @cache  # each test is matched and half-sampled once, however often it is compared
    def half_sampled(split: Split, cell: Cell, seed: int) -> HalfSampled | None:
        if split == "test_dev" and settings.server == "external":
            return None
        if (cell, seed) in corners:
            return corners[cell, seed]
        test = Tested(Trained(cell.variant, seed), split, cast(Mode, cell.mode))
        matched = evaluate_detections(*tested_files(job.graph, test))
        return half_sampled_metrics(matched, settings.halves, settings.halves_seed)

    return half_sampled
