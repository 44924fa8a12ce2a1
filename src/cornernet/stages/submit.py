"""`cornernet submit`: the zip that the test-dev evaluation server takes (section 4.3)."""

from cornernet.data.coco.split import load_split
from cornernet.evaluation.submission import write_submission
from cornernet.pipeline.job import Job


def run(job: Job) -> None:
    """Check the detections against the split and zip them."""
    submission = job.paths.submission(job.tested)
    split = load_split(job.root, job.profile.data.splits["test_dev"], "test_dev")
    write_submission(
        submission,
        job.paths.detections(job.tested),
        [image.id for image in split.images],
        [category.id for category in job.dataset.categories],
    )
    print(f"{job.tested}: {submission}, ready to be uploaded")
