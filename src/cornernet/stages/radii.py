"""`cornernet radii`: the penalty-reduction radius of every annotation at scale 1 (section 3.2)."""

import argparse
from pathlib import Path

import pandas as pd

from cornernet.data.coco.dataset import read_dataset
from cornernet.data.coco.split import has_annotations, load_split
from cornernet.data.coco.split_digests import changed_inputs
from cornernet.data.sampling.radii import radius_table
from cornernet.errors import BadInput
from cornernet.files import replacing
from cornernet.options import existing, params_of
from cornernet.pipeline.paths import Paths
from cornernet.pipeline.resolved import refresh


def run(options: argparse.Namespace) -> None:
    """Write radii.parquet: one row per annotation of train and val.

    Raises BadInput if files of these splits changed since `cornernet prepare` checked them.
    """
    params = params_of(options)
    paths = Paths(params.profile)
    refresh(params, ("radii",))
    dataset = read_dataset(existing(paths.dataset, "prepare"))
    root, splits = Path(params.data.root), params.data.splits
    names = [name for name in splits if has_annotations(name)]
    if changed := changed_inputs(dataset, root, splits, paths.file_digests, names):
        raise BadInput(changed)
    tables = []
    for name in names:
        table = radius_table(load_split(root, splits[name], name), params.targets)
        table.insert(0, "split", name)
        tables.append(table)
    radii = pd.concat(tables, ignore_index=True)
    with replacing(paths.radii) as temporary:
        radii.to_parquet(temporary, index=False)
    print(f"radii: {len(radii):,} annotations")
