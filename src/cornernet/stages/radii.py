"""`cornernet radii`: the penalty-reduction radius of every annotation at scale 1 (section 3.2)."""

import argparse
from pathlib import Path

import pandas as pd

from cornernet.data.coco.split import has_annotations, load_split
from cornernet.data.sampling.radii import radius_table
from cornernet.files import replacing
from cornernet.options import existing, params_of
from cornernet.pipeline.paths import Paths
from cornernet.pipeline.resolved import refresh


def run(options: argparse.Namespace) -> None:
    """Write radii.parquet: a row for each annotation of train and val."""
    params = params_of(options)
    paths = Paths(params.profile)
    refresh(params, ("radii",))
    existing(paths.dataset, "prepare")
    tables = []
    for name, files in params.data.splits.items():
        if has_annotations(name):
            table = radius_table(load_split(Path(params.data.root), files, name), params.targets)
            table.insert(0, "split", name)
            tables.append(table)
    radii = pd.concat(tables, ignore_index=True)
    with replacing(paths.radii) as temporary:
        radii.to_parquet(temporary, index=False)
    print(f"radii: {len(radii):,} annotations")
