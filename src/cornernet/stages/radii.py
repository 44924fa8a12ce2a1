"""`cornernet radii`: the penalty-reduction radius of every annotation at scale 1 (section 3.2)."""

import pandas as pd

from cornernet.data.coco.split import has_annotations, load_split
from cornernet.data.sampling.radii import radius_table
from cornernet.files import replacing
from cornernet.pipeline.job import Job


def run(job: Job) -> None:
    """Write radii.parquet: one row for each annotation of train and val."""
    params, tables = job.profile, []
    for name, files in params.data.splits.items():
        if has_annotations(name):
            table = radius_table(load_split(job.root, files, name), params.targets)
            table.insert(0, "split", name)
            tables.append(table)
    radii = pd.concat(tables, ignore_index=True)
    with replacing(job.paths.radii) as temporary:
        radii.to_parquet(temporary, index=False)
    print(f"radii: {len(radii):,} annotations")
