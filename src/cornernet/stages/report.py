"""`cornernet report`: the page, and tables and figures on every run of the tracker."""

import dataclasses

import pandas as pd

from cornernet.files import write_text
from cornernet.pipeline.comparable import not_comparable
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.job import Job
from cornernet.pipeline.paths import BREAKDOWNS, GALLERY, Tested
from cornernet.pipeline.provenance import read_provenance
from cornernet.pipeline.stage import Key, Stage, model_of, options_of
from cornernet.pipeline.staleness.code import read_accepted
from cornernet.pipeline.tracked_runs import tell
from cornernet.reporting.claims.agreement import SEEDS_COLUMNS
from cornernet.reporting.claims.judge import CLAIM_COLUMNS
from cornernet.reporting.figures.figure import read_figure
from cornernet.reporting.figures.forest import forest_plot
from cornernet.reporting.origins import Origin
from cornernet.reporting.page import PageContext, render_page
from cornernet.reporting.tables import breakdown
from cornernet.reporting.tables.differences import DIFFERENCE_COLUMNS
from cornernet.reporting.tables.literature import Cell
from cornernet.reporting.tables.paper_tables import (
    build_tables,
    corner_table,
    headline_table,
    iou_table,
    waiting_table,
)
from cornernet.reporting.tables.results import RESULT_COLUMNS, read_csv
from cornernet.reporting.tables.table import Table, place_of
from cornernet.reporting.text_and_code import found_effects, load_recorded, text_and_code
from cornernet.stages.tables import table_context


def run(job: Job) -> None:
    """Render the page from files alone."""
    paths, recorded = job.paths, load_recorded()
    differences = read_csv(paths.differences, DIFFERENCE_COLUMNS)
    claims = read_csv(paths.claims, CLAIM_COLUMNS)
    context = PageContext(
        params=job.profile,
        claims=claims,
        seeds=read_csv(paths.seeds, SEEDS_COLUMNS),
        forest=forest_plot(claims, job.profile.evaluation.confidence),
        headline=headline_table(
            read_csv(paths.results, RESULT_COLUMNS), table_context(job.profile)
        ),
        tables=_tables(job, differences),
        breakdowns=_breakdowns(job),
        figures=[read_figure(path) for path in sorted(paths.figures.glob("*.svg"))],
        gallery=[read_figure(path) for path in sorted((paths.figures / GALLERY).glob("*.svg"))],
        differences=text_and_code(job.profile, found_effects(differences), recorded.effects),
        origins=_origins(job),
        dataset=dataclasses.asdict(job.dataset),
        accepted=read_accepted(paths),
        recorded=recorded,
        not_comparable=not_comparable(job.profile, job.dataset),
    )
    write_text(paths.page, render_page(context))
    tell(job.graph, job.options.set, job.graph.trained + job.graph.imported)
    print(f"report: {paths.page}")


def _origins(job: Job) -> list[Origin]:
    """Every job of the profile but this one, and how its files were made."""
    graph, options = job.graph, options_of(job.profile, job.options.set)
    jobs = [
        (stage, key)
        for stage in STAGES.values()
        if stage is not job.stage
        for key in stage.jobs(graph)
    ]
    makers = {
        path: _place(stage, key) for stage, key in jobs for path in stage.outputs(graph.paths, key)
    }
    return [
        Origin(
            _place(stage, key),
            stage.job_name(key),
            stage.command_line(options, key),
            tuple(map(str, stage.outputs(graph.paths, key))),
            tuple({makers[path]: None for path in stage.inputs(graph, key) if path in makers}),
            read_provenance(stage.provenance(graph.paths, key)),
            _run(job, key),
        )
        for stage, key in jobs
    ]


def _place(stage: Stage, key: Key) -> str:
    """The #id on the page of what is said of a job; the seeds of a test share one."""
    if stage.name == "evaluate" and isinstance(key, Tested):
        return place_of(key.split, Cell(key.trained.variant, key.mode))
    return f"job-{stage.job_name(key)}"


def _run(job: Job, key: Key) -> str:
    """MLflow's id of the run of the model that a job is about."""
    if key is None:
        return ""
    made = read_provenance(job.paths.model_provenance(job.graph.weights_of(model_of(key))))
    return made.get("mlflow_run_id") or ""


def _tables(job: Job, differences: pd.DataFrame) -> list[Table]:
    """The paper's tables, the two that the journal version adds, and what waits for its scores."""
    context, results = table_context(job.profile), read_csv(job.paths.results, RESULT_COLUMNS)
    corners = read_csv(job.paths.corner_scores, RESULT_COLUMNS)
    return [
        *build_tables(results, differences, context),
        iou_table(results, context),
        corner_table(corners, differences, job.profile.corners.radius, context),
        *waiting_table(results, context),
    ]


def _breakdowns(job: Job) -> list[breakdown.Breakdown]:
    """Val by category for the first model, the mistakes of all, then the other models' categories.

    Read from the CSV files that `tables` wrote.
    """
    columns = breakdown.CATEGORY_COLUMNS, breakdown.ERROR_COLUMNS
    files = [job.paths.breakdown(name, "csv") for name in BREAKDOWNS]
    categories, errors = map(read_csv, files, columns)
    tables = breakdown.category_tables(categories, job.profile.evaluation.confidence)
    return [*tables[:1], *breakdown.error_tables(errors), *tables[1:]]
