"""`cornernet preview`: a page of what training will see, as `prepare` makes it."""

import argparse

from cornernet.data.coco.dataset import read_dataset
from cornernet.data.coco.split import has_annotations
from cornernet.options import params_of
from cornernet.pipeline.paths import Paths
from cornernet.pipeline.staleness.resolved import refuse_changed
from cornernet.stages.prepare import write_preview


def run(options: argparse.Namespace) -> None:
    """Write the page. Raises BadInput before `prepare`, and if files have changed since."""
    params = params_of(options)
    dataset = read_dataset(Paths(params.profile).dataset)
    refuse_changed(params, dataset, [name for name in dataset.splits if has_annotations(name)])
    print(f"preview: {write_preview(params, dataset)}")
