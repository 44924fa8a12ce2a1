"""Whether the params of a training and its data set go together."""

from collections.abc import Iterator

from cornernet.config import Params
from cornernet.data.coco.dataset import Dataset
from cornernet.errors import BadInput


def refuse_contradictions(params: Params, dataset: Dataset) -> None:
    """Raise BadInput if a variant's `params` ask for what the data set does not have."""
    train, images = params.train, dataset.splits["val"].images
    validates = 0 < train.validate.every <= train.iterations
    if validates and (train.validate.images or 0) > images:
        raise BadInput(
            f"train.validate.images: {train.validate.images}, but val has {images} images; "
            f"write {images}, or null for all of them"
        )


def notes_on_training(params: Params, dataset: Dataset) -> Iterator[str]:
    """What a user should know before a variant is trained with its `params`, a line each."""
    train, split, at_once = params.train, dataset.splits["train"], sum(params.train.chunks)
    images = split.images - (0 if params.data.keep_empty else split.images_by_objects.get("0", 0))
    if train.iterations * at_once < images:
        yield (
            f"train.iterations: {train.iterations} times {at_once} images do not show all "
            f"{images:,} of train; {-(-images // at_once):,} would, once"
        )
    if train.checkpoint_every > train.iterations:
        yield (
            f"train.checkpoint_every: {train.checkpoint_every} is beyond train.iterations, "
            f"{train.iterations}: a training that is killed begins again"
        )
    background = ("targets.max_objects", params.targets.max_objects, "are taught as background")
    unfound = ("detection.max_detections", params.detection.max_detections, "cannot be found")
    for name, (key, limit, effect) in {"train": background, "val": unfound}.items():
        counts = {int(n): images for n, images in dataset.splits[name].images_by_objects.items()}
        if beyond := sum(max(0, n - limit) * images for n, images in counts.items()):
            most = f"an image has up to {max(counts)}"
            yield f"{key}: {limit}, so that {beyond:,} objects of {name} {effect}; {most}"
