"""`cornernet evaluate`: COCO metrics of one test, with confidence intervals (section 4.3)."""

from cornernet.evaluation.coco_api import judged_metrics
from cornernet.evaluation.coco_metrics import evaluate_detections
from cornernet.evaluation.half_sampling import Interval, half_sampled_metrics, score_intervals
from cornernet.evaluation.metric_names import summary_lines
from cornernet.evaluation.server import read_server_scores
from cornernet.files import write_json
from cornernet.pipeline.job import Job
from cornernet.pipeline.scoring import tested_files
from cornernet.pipeline.tracked_runs import tell

SCORED = "scored"
NOT_SCORED = "submitted, not scored"


def run(job: Job) -> None:
    """Write the metrics, print COCO's summary, and tell the tracker."""
    tested = job.tested
    status, scores = _scores(job)
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
        },
    )
    print(f"{tested}: {status}")
    if status == SCORED:
        print("\n".join(summary_lines({name: score.value for name, score in scores.items()})))
    tell(job.graph, job.options.set, [job.graph.weights_of(tested.trained)])


def _scores(job: Job) -> tuple[str, dict[str, Interval]]:
    """Whether the test was scored, and each metric with its interval."""
    tested, paths, settings = job.tested, job.paths, job.profile.evaluation
    if tested.split == "test_dev" and settings.server == "external":
        answer = paths.server_scores(tested)
        if not answer.is_file():
            print(
                f"{tested}: upload {paths.submission(tested)} to the evaluation server, and save "
                f"what it answers as {answer}"
            )
            return NOT_SCORED, {}
        scores = read_server_scores(answer, paths.submission(tested))
        return SCORED, {name: Interval(value, None, None) for name, value in scores.items()}
    annotations, detections = tested_files(job.graph, tested)
    matched = evaluate_detections(annotations, detections)
    judged = judged_metrics(matched.metrics, annotations, detections)
    sampled = half_sampled_metrics(matched, settings.halves, settings.halves_seed)
    return SCORED, score_intervals(sampled._replace(scores=judged), settings.confidence)
