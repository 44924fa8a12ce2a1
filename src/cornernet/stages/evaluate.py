"""`cornernet evaluate`: COCO metrics of one test, with confidence intervals (section 4.3)."""

import argparse
import json
from pathlib import Path

from cornernet.config import Params
from cornernet.evaluation.bootstrap import Interval, confidence_intervals
from cornernet.evaluation.coco_metrics import Evaluated, evaluate_detections, summary_lines
from cornernet.evaluation.server import read_server_scores, score_submission
from cornernet.files import write_json
from cornernet.options import existing, params_of, tested_of
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Paths, Tested
from cornernet.pipeline.resolved import refresh
from cornernet.pipeline.tracked_runs import log_model, run_of

SCORED = "scored"
NOT_SCORED = "submitted, not scored"
SHOWN_DECIMALS = 2  # of a percentage in the tracker, which shows all that it gets


def run(options: argparse.Namespace) -> None:
    """Write the metrics, print COCO's summary, and put the metrics on the model's run."""
    params = params_of(options)
    tested = tested_of(options, params)
    refresh(params, ("evaluate",))
    paths = Paths(params.profile)
    dataset = json.loads(existing(paths.dataset, "prepare").read_text())
    status, scores = _scores(params, tested)
    write_json(
        paths.metrics(tested),
        {
            "variant": tested.trained.variant,
            "seed": tested.trained.seed,
            "split": tested.split,
            "mode": tested.mode,
            "status": status,
            "images": dataset["splits"][tested.split]["images"],
            # plain numbers, so that `dvc metrics show` has one column a metric
            "metrics": {name: score.value for name, score in scores.items()},
            "intervals": {name: [score.ci_low, score.ci_high] for name, score in scores.items()},
        },
    )
    print(f"{tested}: {status}")
    if status == SCORED:
        print("\n".join(summary_lines({name: score.value for name, score in scores.items()})))
    _track(Graph(params), tested, scores)


def _scores(params: Params, tested: Tested) -> tuple[str, dict[str, Interval]]:
    """Whether the test was scored, and each metric with its interval."""
    paths, settings = Paths(params.profile), params.evaluation
    if tested.split == "test_dev" and settings.server == "external":
        answer = Graph(params).server_scores(tested)
        if not answer:
            print(
                f"{tested}: upload {paths.submission(tested)} to the evaluation server, and save "
                f"what it answers as {paths.server_scores(tested)}"
            )
            return NOT_SCORED, {}
        submission = existing(paths.submission(tested), "submit")
        scores = read_server_scores(answer[0], submission)
        return SCORED, {name: Interval(value, None, None) for name, value in scores.items()}
    intervals = confidence_intervals(
        evaluated(params, tested),
        settings.bootstrap_resamples,
        settings.bootstrap_seed,
        settings.confidence,
    )
    return SCORED, intervals


def evaluated(params: Params, tested: Tested) -> Evaluated:
    """The matched detections of a test whose annotations, or answers, are at hand."""
    paths, root = Paths(params.profile), Path(params.data.root)
    if tested.split == "test_dev":
        assert params.data.shapes is not None  # only the embedded data set has a local server
        submission = existing(paths.submission(tested), "submit")
        return score_submission(submission, root / params.data.shapes.answers)
    detections = existing(paths.detections(tested), "predict")
    return evaluate_detections(root / params.data.splits[tested.split].annotations, detections)


def _track(graph: Graph, tested: Tested, scores: dict[str, Interval]) -> None:
    """Put the metrics, and the model itself, on the model's run, wherever it was trained.

    As `AP.val.single_scale`: the tracker's pages cut names short and order them by their beginning.
    Metrics of a variant that borrows the model's weights end with its name, for the model's own are
    there too.
    """
    paths, trained = graph.paths, graph.weights_of(tested.trained)
    borrowed = "" if trained == tested.trained else f".{tested.trained.variant}"
    where = f"{tested.split}.{tested.mode}{borrowed}"
    rounded = {
        f"{name}.{where}": None if score.value is None else round(score.value, SHOWN_DECIMALS)
        for name, score in scores.items()
    }
    dataset = json.loads(paths.dataset.read_text())
    with run_of(paths, trained) as run:
        log_model(run, graph.params, trained, dataset["categories"])
        run.log_metrics(rounded)
        run.log_artifact(paths.metrics(tested), "metrics")
