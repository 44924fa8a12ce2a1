"""`cornernet tables`: results.csv, differences.csv, and Tables 1 to 4 rendered from them."""

from collections.abc import Callable
from functools import cache

import pandas as pd

from cornernet.config import Params
from cornernet.config.schema import Split
from cornernet.data.coco.split import load_split
from cornernet.evaluation.coco_metrics import evaluate_detections
from cornernet.evaluation.half_sampling import HalfSampled, half_sampled_metrics
from cornernet.files import write_text
from cornernet.pipeline.job import Job
from cornernet.pipeline.paths import CLAIMS_FILE, LITERATURE, TRAINING_NOISE, Tested, Trained
from cornernet.pipeline.scoring import tested_files
from cornernet.pipeline.staleness.training_key import training_keys
from cornernet.reporting.claims.claim_list import load_claims
from cornernet.reporting.claims.measured import measure_claims
from cornernet.reporting.tables.contrasts import Tests
from cornernet.reporting.tables.corners import collect_corners, corner_scores
from cornernet.reporting.tables.differences import (
    collect_differences,
    table_comparisons,
)
from cornernet.reporting.tables.formats import SUFFIXES, render_table, results_summary
from cornernet.reporting.tables.literature import Cell, Literature, load_literature
from cornernet.reporting.tables.paper_tables import build_tables
from cornernet.reporting.tables.results import collect_results, write_csv
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


def run(job: Job) -> None:
    """Collect all metrics, measure what the tables and claims compare, and render the tables."""
    paths, context = job.paths, table_context(job.profile)
    literature, reference = context.literature, context.reference
    results = collect_results(map(paths.metrics, job.graph.tested), literature, reference)
    claims = load_claims(CLAIMS_FILE, literature, reference, job.profile.variants)
    tests = Tests(results, _halves(job), _noise(job, results))
    wanted = (*table_comparisons(literature, results), *effect_comparisons())
    differences = collect_differences(wanted, tests, literature, reference, context.confidence)
    write_csv(results, paths.results)
    write_csv(differences, paths.differences)
    write_csv(measure_claims(claims, tests), paths.measured)
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


def _noise(job: Job, results: pd.DataFrame) -> TrainingNoise:
    """What the run's own seeds, the record and the profile say of the noise of training."""
    variants, assumed = job.profile.variants, job.profile.report.assumed_noise
    owners = {name: own.weights_of for name, own in variants.items() if own.weights_of}
    recorded = recorded_models(read_record(TRAINING_NOISE), training_keys(job.graph, job.dataset))
    deviation = assumed.deviation if assumed else {}
    return TrainingNoise(scores_of_models(results, owners), recorded, deviation, owners)


def _halves(job: Job) -> Callable[[Split, Cell, int], HalfSampled | None]:
    """The halves of each test; a server tells no image's own score, so there are none."""
    settings = job.profile.evaluation

    @cache  # each test is matched and half-sampled once, however often it is compared
    def half_sampled(split: Split, cell: Cell, seed: int) -> HalfSampled | None:
        if split == "test_dev" and settings.server == "external":
            return None
        tested = Tested(Trained(cell.variant, seed), split, cell.mode)
        matched = evaluate_detections(*tested_files(job.graph, tested))
        return half_sampled_metrics(matched, settings.halves, settings.halves_seed)

    return half_sampled
