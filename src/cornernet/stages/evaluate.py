"""`cornernet evaluate`: COCO metrics of one test, with confidence intervals (section 4.3).

Of every category, too, and which kinds of mistakes there are and what they cost.
"""

from dataclasses import asdict
from typing import Any

import numpy as np

from cornernet.evaluation.coco_api import judged_metrics
from cornernet.evaluation.coco_metrics import Evaluated, evaluate_detections
from cornernet.evaluation.errors.costs import error_costs
from cornernet.evaluation.half_sampling import (
    Interval,
    half_sampled_categories,
    half_sampled_metrics,
    score_intervals,
)
from cornernet.evaluation.metric_names import CATEGORY_METRICS, summary_lines
from cornernet.evaluation.server import read_server_scores
from cornernet.files import write_json
from cornernet.pipeline.job import Job
from cornernet.pipeline.scoring import tested_files
from cornernet.pipeline.tracked_runs import tell
from cornernet.reporting.tables.breakdown import breakdown_lines

SCORED = "scored"
NOT_SCORED = "submitted, not scored"


def run(job: Job) -> None:
    """Write the metrics, print COCO's summary, and tell the tracker."""
    tested = job.tested
    status, scores, evaluated = _scores(job)
    details = {} if evaluated is None else _details(job, evaluated)
    write_json(
        job.paths.metrics(tested),
        {
            "variant": tested.trained.variant,
            "seed": tested.trained.seed,
            "split": tested.split,
            "mode": tested.mode,
            "status": status,
            "images": job.dataset.splits[tested.split].images,
            # plain numbers, so that `dvc metrics show` has one column per metric
            "metrics": {name: score.value for name, score in scores.items()},
            "intervals": {name: [score.ci_low, score.ci_high] for name, score in scores.items()},
            **details,
        },
    )
    print(f"{tested}: {status}")
    if status == SCORED:
        print("\n".join(summary_lines({name: score.value for name, score in scores.items()})))
    if details:
        print(f"\n{breakdown_lines(**details)}\n")
    tell(job.graph, job.options.set, [job.graph.weights_of(tested.trained)])


def _details(job: Job, evaluated: Evaluated) -> dict[str, Any]:
    """Scores by category, and kinds of mistakes; lists, which `dvc metrics show` leaves out."""
    settings, real = job.profile.evaluation, evaluated.objects[~evaluated.objects.crowd]
    sampled = half_sampled_categories(evaluated, settings.halves, settings.halves_seed)
    scores = score_intervals(sampled, settings.confidence)
    categories = []
    for number, name in zip(evaluated.category_ids.tolist(), evaluated.categories, strict=True):
        own = {metric: scores[f"{metric}-{name}"] for metric in CATEGORY_METRICS}
        categories.append(
            {
                "id": number,
                "name": name,
                "objects": int(np.count_nonzero(real.category_id == number)),
                "metrics": {metric: score.value for metric, score in own.items()},
                "intervals": {metric: [one.ci_low, one.ci_high] for metric, one in own.items()},
            }
        )
    return {"categories": categories, "errors": [asdict(cost) for cost in error_costs(evaluated)]}


def _scores(job: Job) -> tuple[str, dict[str, Interval], Evaluated | None]:
    """Whether the test was scored, each metric with its interval, and our own evaluation."""
    tested, paths, settings = job.tested, job.paths, job.profile.evaluation
    if tested.split == "test_dev" and settings.server == "external":
        answer = paths.server_scores(tested)
        if not answer.is_file():
            print(
                f"{tested}: note: upload {paths.submission(tested)} to the evaluation server, and "
                f"save what it answers as {answer}"
            )
            return NOT_SCORED, {}, None
        scores = read_server_scores(answer, paths.submission(tested))
        return SCORED, {name: Interval(value, None, None) for name, value in scores.items()}, None
    annotations, detections = tested_files(job.graph, tested)
    matched = evaluate_detections(annotations, detections)
    judged = judged_metrics(matched.metrics, annotations, detections)
    sampled = half_sampled_metrics(matched, settings.halves, settings.halves_seed)
    scored = score_intervals(sampled._replace(scores=judged), settings.confidence)
    return SCORED, scored, matched
