"""`cornernet report`: the page, and tables and figures on every run of the tracker."""

import argparse
import json
from typing import Any

from cornernet.config import Params
from cornernet.files import write_text
from cornernet.paths import Paths
from cornernet.reporting.claims import read_claims
from cornernet.reporting.differences import read_differences
from cornernet.reporting.figures import read_figure
from cornernet.reporting.literature import load_literature
from cornernet.reporting.page import PageContext, render_page
from cornernet.reporting.results import read_results
from cornernet.reporting.tables import build_tables
from cornernet.reporting.text_and_code import text_and_code
from cornernet.stages.graph import Graph
from cornernet.stages.inputs import refresh
from cornernet.stages.options import existing, params_of
from cornernet.stages.tables import LITERATURE
from cornernet.tracking import find_run


def run(options: argparse.Namespace) -> None:
    """Render the page from files alone."""
    params = params_of(options)
    refresh(params, ("report",))
    paths, report = Paths(params.profile), params.report
    results = read_results(existing(paths.results, "tables"))
    differences = read_differences(existing(paths.differences, "tables"))
    literature = load_literature(LITERATURE)
    context = PageContext(
        profile=params.profile,
        title=report.title,
        notice=report.notice,
        comparable=report.comparable,
        reference=report.reference,
        claims=read_claims(existing(paths.claims, "claims")),
        tables=build_tables(results, differences, literature, report.reference, report.notice),
        figures=[read_figure(path) for path in sorted(paths.figures.glob("*.svg"))],
        differences=text_and_code(params),
        provenance=_provenance(params),
        dataset=json.loads(existing(paths.dataset, "prepare").read_text()),
    )
    write_text(paths.page, render_page(context))
    _track(params)
    print(f"report: {paths.page}")


def _provenance(params: Params) -> dict[str, dict[str, Any]]:
    """What is recorded beside each trained model."""
    graph = Graph(params)
    files = [graph.paths.model_provenance(trained) for trained in graph.trained]
    return {path.name: json.loads(path.read_text()) for path in files if path.is_file()}


def _track(params: Params) -> None:
    """Tables, figures and the page as artifacts of every trained model's run."""
    graph, paths = Graph(params), Paths(params.profile)
    for trained in graph.trained:
        path = paths.model_provenance(trained)
        made = json.loads(path.read_text()) if path.is_file() else {}
        if not made.get("weights_digest"):
            continue
        run = find_run(
            params.profile,
            trained.variant,
            trained.seed,
            made["weights_digest"],
            run_id=made.get("mlflow_run_id"),
        )
        for number in (1, 2, 3, 4):
            run.log_artifact(paths.table(number, "md"), "tables")
        for figure in sorted(paths.figures.glob("*.svg")):
            run.log_artifact(figure, "figures")
        run.log_artifact(paths.page)
