"""The page of the preview: samples, sizes, objects per image, categories, what is lost."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cornernet.config import Params
from cornernet.data.coco.dataset import Dataset
from cornernet.data.coco.split import CocoSplit
from cornernet.reporting.preview.pictures import sample_pictures
from cornernet.reporting.preview.views import random_views
from cornernet.reporting.rendering import render
from cornernet.reporting.tables.formats import EN_DASH

# Lower ends of the bars of histograms; the last one holds all that is larger.
OBJECTS = (0, 1, 2, 3, 5, 9, 17, 33, 65, 129)
SIZES = (0, 4, 8, 16, 32, 64, 128, 256, 512)  # pixels


def preview_page(params: Params, dataset: Dataset, splits: Mapping[str, CocoSplit]) -> str:
    """The page's HTML: no script, no outside request. Same input, same text.

    `splits` are those with annotations. Raises BadInput if an image cannot be read.
    """
    by_id = {str(category.id): category.name for category in dataset.categories}
    views = random_views(splits["train"], params)
    per_image = {
        name: np.array([len(boxes.ids) for boxes in split.boxes]) for name, split in splits.items()
    }
    found = {name: dataclasses.asdict(dataset.splits[name]) for name in splits}

    def of_all(field: str) -> pd.DataFrame:
        """What `prepare` counted, a column per split."""
        counts = {name: record[field] for name, record in found.items()}
        return pd.DataFrame(counts).fillna(0).astype(int)

    handled = of_all("problems").sort_index()
    content = {
        "params": params,
        "pictures": sample_pictures(splits["train"], params),
        "views": views,
        "classes": of_all("boxes_by_size").reindex(["small", "medium", "large"]),
        "sizes": histogram({"views of train": views.targets["size"]}, SIZES, whole=False),
        "per_image": histogram(per_image, OBJECTS, whole=True),
        "most_objects": {name: int(count.max()) for name, count in per_image.items()},
        "categories": of_all("boxes_by_category")
        .reindex(list(by_id))
        .rename(index=by_id)
        .sort_values("train", ascending=False, kind="stable"),
        "handled": handled.set_axis(handled.index.str.replace("_", " ")),
    }
    return render("preview.html.j2", content, {})


def histogram(values: Mapping[str, ArrayLike], starts: Sequence[int], whole: bool) -> pd.DataFrame:
    """Counts of each column's values by range, from the first that has any to the last.

    `whole`: values are whole numbers, so that 3 to under 5 is "3–4".
    """
    ends = [start - whole for start in starts[1:]]
    labels = [
        str(low) if low == high else f"{low}{EN_DASH}{high}"
        for low, high in zip(starts, ends, strict=False)
    ]
    labels += [f"{starts[-1]} and more"]
    edges = [*starts, np.inf]
    columns = {name: np.histogram(column, edges)[0] for name, column in values.items()}
    table = pd.DataFrame(columns, index=labels)
    filled = np.flatnonzero(table.sum(axis=1))
    return table.iloc[filled.min() : filled.max() + 1] if len(filled) else table.iloc[:0]
