"""`cornernet report`: the page, and tables and figures on every run of the tracker."""

import json
from typing import Any

import pandas as pd

from cornernet.config import Params
from cornernet.files import write_text
from cornernet.options import existing
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.job import Job
from cornernet.pipeline.paths import Paths
from cornernet.pipeline.tracked_runs import run_of, weights_digest
from cornernet.reporting.claims.judge import read_claims
from cornernet.reporting.figures.figure import read_figure
from cornernet.reporting.page import PageContext, render_page
from cornernet.reporting.recorded_effects import load_recorded
from cornernet.reporting.tables.corner_table import corner_table, read_corners
from cornernet.reporting.tables.differences import read_differences
from cornernet.reporting.tables.iou_table import iou_table
from cornernet.reporting.tables.literature import load_literature
from cornernet.reporting.tables.paper_tables import Table, build_tables
from cornernet.reporting.tables.results import read_results
from cornernet.reporting.tables.waiting_table import waiting_table
from cornernet.reporting.text_and_code import text_and_code
from cornernet.stages.tables import LITERATURE
from cornernet.tracking import send_waiting


def run(job: Job) -> None:
    """Render the page from files alone."""
    params = job.profile
    paths, report = Paths(params.profile), params.report
    results = read_results(existing(paths.results, "tables"))
    differences = read_differences(existing(paths.differences, "tables"))
    recorded = load_recorded()
    context = PageContext(
        profile=params.profile,
        title=report.title,
        notice=report.notice,
        comparable=report.comparable,
        reference=report.reference,
        claims=read_claims(existing(paths.claims, "claims")),
        tables=_tables(params, results, differences),
        figures=[read_figure(path) for path in sorted(paths.figures.glob("*.svg"))],
        differences=text_and_code(params, differences, recorded),
        provenance=_provenance(params),
        dataset=job.dataset.to_json(),
        confidence=params.evaluation.confidence,
        recorded=recorded,
    )
    write_text(paths.page, render_page(context))
    _track(params)
    print(f"report: {paths.page}")


def _tables(params: Params, results: pd.DataFrame, differences: pd.DataFrame) -> list[Table]:
    """The paper's tables, and the two that the journal version adds."""
    literature, report = load_literature(LITERATURE), params.report
    corners = read_corners(existing(Paths(params.profile).corner_scores, "tables"))
    notice, confidence = report.notice, params.evaluation.confidence
    waiting = waiting_table(results, literature, report.reference, notice, confidence)
    return [
        *build_tables(results, differences, literature, report.reference, notice, confidence),
        iou_table(results, literature, report.reference, notice, confidence),
        corner_table(corners, literature, params.corners.radius, notice, confidence),
        *([] if waiting is None else [waiting]),
    ]


def _provenance(params: Params) -> dict[str, dict[str, Any]]:
    """What is recorded beside each trained model."""
    graph = Graph(params)
    files = [graph.paths.model_provenance(trained) for trained in graph.trained]
    return {path.name: json.loads(path.read_text()) for path in files if path.is_file()}


def _track(params: Params) -> None:
    """Tables, figures and the page as artifacts of every trained model's run."""
    graph, paths = Graph(params), Paths(params.profile)
    tables = [paths.table(number, "md") for number in (1, 2, 3, 4)]
    for trained in graph.trained + graph.imported:
        if not weights_digest(paths, trained):
            continue
        with run_of(paths, trained) as run:
            for table in tables:
                run.log_artifact(table, "tables")
            for figure in sorted(paths.figures.glob("*.svg")):
                run.log_artifact(figure, "figures")
            run.log_artifact(paths.page)
    for line in (send_waiting(params.profile) or [])[1:]:
        print(f"mlflow: {line}")
