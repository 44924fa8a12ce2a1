"""`cornernet submit`: the zip that the test-dev evaluation server takes (section 4.3)."""

import argparse
import json
from pathlib import Path

from cornernet.config import Params
from cornernet.data.coco import load_split
from cornernet.evaluation.submission import submission_stem, write_submission
from cornernet.paths import Paths, Tested
from cornernet.stages.inputs import refresh
from cornernet.stages.options import existing, params_of, tested_of


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
        algorithm_of(params, tested),
    )
    print(f"{tested}: {paths.submission(tested)}, to be uploaded as "
          f"{submission_stem(algorithm_of(params, tested))}.zip")  # fmt: skip


def algorithm_of(params: Params, tested: Tested) -> str:
    """The name of the algorithm in the server's file name."""
    return f"cornernet-{params.profile}-{tested.trained}-{tested.mode}"
