"""`cornernet report`: the page, and tables and figures on every run of the tracker."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from cornernet.config import Params
from cornernet.errors import BadInput
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
from cornernet.reporting.tables.corner_scores import read_corners
from cornernet.reporting.tables.differences import read_differences
from cornernet.reporting.tables.journal_tables import corner_table, iou_table
from cornernet.reporting.tables.paper_tables import build_tables, waiting_table
from cornernet.reporting.tables.results import read_results
from cornernet.reporting.tables.table import Table
from cornernet.reporting.text_and_code import text_and_code
from cornernet.stages.tables import table_context
from cornernet.tracking import send_waiting

ACCEPTED_KEYS = {"result", "modules", "because", "when"}


def run(job: Job) -> None:
    """Render the page from files alone."""
    params = job.profile
    paths = Paths(params.profile)
    differences = read_differences(existing(paths.differences, "tables"))
    recorded = load_recorded()
    context = PageContext(
        params=params,
        claims=read_claims(existing(paths.claims, "claims")),
        tables=_tables(params, differences),
        figures=[read_figure(path) for path in sorted(paths.figures.glob("*.svg"))],
        differences=text_and_code(params, differences, recorded),
        provenance=_provenance(params),
        dataset=job.dataset.to_json(),
        accepted=read_accepted(paths.data / "accepted.yaml"),
        recorded=recorded,
    )
    write_text(paths.page, render_page(context))
    _track(params)
    print(f"report: {paths.page}")


def _tables(params: Params, differences: pd.DataFrame) -> list[Table]:
    """The paper's tables, the two that the journal version adds, and what waits for its scores."""
    paths, context = Paths(params.profile), table_context(params)
    results = read_results(existing(paths.results, "tables"))
    corners = read_corners(existing(paths.corner_scores, "tables"))
    waiting = waiting_table(results, context)
    return [
        *build_tables(results, differences, context),
        iou_table(results, context),
        corner_table(corners, params.corners.radius, context),
        *([] if waiting is None else [waiting]),
    ]


def _provenance(params: Params) -> dict[str, dict[str, Any]]:
    """What is recorded beside each trained model."""
    graph = Graph(params)
    files = [graph.paths.model_provenance(trained) for trained in graph.trained]
    return {path.name: json.loads(path.read_text()) for path in files if path.is_file()}


def read_accepted(path: Path) -> list[dict[str, Any]]:
    """The results that `cornernet accept` kept; none without the file. Raises BadInput."""
    if not path.is_file():
        return []
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and entry.keys() >= ACCEPTED_KEYS for entry in entries
    ):
        needed = ", ".join(sorted(ACCEPTED_KEYS))
        raise BadInput(f"{path}: must be a list of entries that have {needed}; `accept` writes it")
    return entries


def _track(params: Params) -> None:
    """Tables, figures and the page as artifacts of every trained model's run."""
    graph, paths = Graph(params), Paths(params.profile)
    files = [(paths.table(number, "md"), "tables") for number in (1, 2, 3, 4)]
    files += [(path, "figures") for path in sorted(paths.figures.glob("*.svg"))]
    for trained in graph.trained + graph.imported:
        if not weights_digest(paths, trained):
            continue
        with run_of(paths, trained) as run:
            for path, folder in files:
                run.log_artifact(path, folder)
            run.log_artifact(paths.page)
    for line in (send_waiting(params.profile) or [])[1:]:
        print(f"mlflow: {line}")
