"""`cornernet submit`: the zip that the test-dev evaluation server takes (section 4.3)."""

import argparse
import json
from pathlib import Path

from cornernet.data.coco.split import load_split
from cornernet.evaluation.submission import write_submission
from cornernet.options import existing, params_of, tested_of
from cornernet.pipeline.paths import Paths
from cornernet.pipeline.resolved import refresh

ALGORITHM = "cornernet"  # in the server's name of the file, as paths.SUBMISSION has it


def run(options: argparse.Namespace) -> None:
    """Check the detections against the split and zip them."""
    params = params_of(options)
    tested = tested_of(options, params)
    refresh(params, ("submit",))
    paths = Paths(params.profile)
    dataset = json.loads(existing(paths.dataset, "prepare").read_text())
    detections = existing(paths.detections(tested), "predict")
    split = load_split(Path(params.data.root), params.data.splits["test_dev"], "test_dev")
    write_submission(
        paths.submission(tested),
        detections,
        [image.id for image in split.images],
        [category["id"] for category in dataset["categories"]],
        ALGORITHM,
    )
    print(f"{tested}: {paths.submission(tested)}, ready to be uploaded")
