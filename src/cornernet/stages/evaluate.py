"""`cornernet evaluate`: COCO metrics of one test, with confidence intervals (section 4.3)."""

import argparse
import json
from pathlib import Path
from typing import Any

from cornernet.config import Params
from cornernet.evaluation.bootstrap import Interval, confidence_intervals
from cornernet.evaluation.coco_metrics import Evaluated, evaluate_detections, summary_lines
from cornernet.evaluation.server import read_server_scores, score_submission
from cornernet.files import write_json
from cornernet.paths import Paths, Tested
from cornernet.stages.graph import Graph
from cornernet.stages.inputs import refresh
from cornernet.stages.options import existing, params_of, tested_of
from cornernet.stages.provenance import file_digest
from cornernet.tracking import find_run

SCORED = "scored"
NOT_SCORED = "submitted, not scored"


def run(options: argparse.Namespace) -> None:
    """Write the metrics, print COCO's summary, and put the metrics on the model's run."""
    params = params_of(options)
    tested = tested_of(options, params)
    refresh(params, ("evaluate",))
    paths = Paths(params.profile)
    dataset = json.loads(existing(paths.dataset, "prepare").read_text())
    status, scores = _scores(params, tested)
    metrics = {name: interval._asdict() for name, interval in scores.items()}
    write_json(
        paths.metrics(tested),
        {
            "variant": tested.trained.variant,
            "seed": tested.trained.seed,
            "split": tested.split,
            "mode": tested.mode,
            "status": status,
            "images": dataset["splits"][tested.split]["images"],
            "metrics": metrics,
        },
    )
    print(f"{tested}: {status}")
    if status == SCORED:
        print("\n".join(summary_lines({name: score.value for name, score in scores.items()})))
    _track(paths, tested, scores)


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


def _track(paths: Paths, tested: Tested, scores: dict[str, Interval]) -> None:
    """Put the metrics on the run of the trained model, wherever that was trained."""
    made: dict[str, Any] = {}
    if (path := paths.model_provenance(tested.trained)).is_file():
        made = json.loads(path.read_text())
    weights = paths.weights(tested.trained)
    digest = made.get("weights_digest") or (file_digest(weights) if weights.is_file() else "")
    run = find_run(
        paths.profile,
        tested.trained.variant,
        tested.trained.seed,
        digest,
        run_id=made.get("mlflow_run_id"),
        params=made.get("params"),
    )
    prefix = f"{tested.split}.{tested.mode}"
    run.log_metrics({f"{prefix}.{name}": score.value for name, score in scores.items()})
    run.log_artifact(paths.metrics(tested), "metrics")
