"""`cornernet prepare`: checks the data set, writes dataset.json and a preview of training."""

import dataclasses
from pathlib import Path

from cornernet.config import Params, resolve_variant
from cornernet.data.coco.check import check_dataset
from cornernet.data.coco.dataset import Dataset, SplitRecord
from cornernet.data.coco.split import has_annotations, load_split
from cornernet.errors import BadInput
from cornernet.files import free_bytes, write_json, write_text
from cornernet.model.cost import BYTES, parameter_count
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.job import Job
from cornernet.pipeline.params_and_data import notes_on_training, refuse_contradictions
from cornernet.pipeline.paths import Paths
from cornernet.reporting.preview.page import preview_page

# A finished model lies as weights and as state, a checkpoint as state: weights, Adam's two moments.
STATE_COPIES = 3


def run(job: Job) -> None:
    """Check every split, every image; refuse with all problems at once, before any training."""
    params, paths = job.profile, job.paths
    found = check_dataset(job.root, params.data, paths.file_digests)
    notes = dict.fromkeys(found.notes)
    for variant in {trained.variant: None for trained in job.graph.trained}:
        own = resolve_variant(params, variant)
        refuse_contradictions(own, found)
        notes |= dict.fromkeys(notes_on_training(own, found))
    check_room(params, len(found.categories))
    dataset = dataclasses.replace(found, prepared_with=paths.files.read_text())
    write_json(paths.dataset, dataclasses.asdict(dataset))
    for name, split in dataset.splits.items():
        print(f"prepare: {name}: {_summary(split)}")
    for note in notes:
        print(f"prepare: note: {note}")
    print(f"prepare: what training will see: {write_preview(params, dataset)}")


def write_preview(params: Params, dataset: Dataset) -> Path:
    """Write the page of training samples and counts, which no stage reads; returns its path."""
    root, path = Path(params.data.root), Paths(params.profile).preview
    files = {str(name): own for name, own in params.data.splits.items() if has_annotations(name)}
    splits = {name: load_split(root, own, name) for name, own in files.items()}
    write_text(path, preview_page(params, dataset, splits))
    return path


def _summary(split: SplitRecord) -> str:
    """What a split holds, and what in it was handled by rule."""
    if not split.boxes:
        return f"{split.images:,} images, without annotations"
    sizes = ", ".join(f"{count:,} {size}" for size, count in split.boxes_by_size.items())
    text = f"{split.images:,} images, {split.boxes:,} boxes ({sizes})"
    handled = [
        f"{count:,} {name.replace('_', ' ')}" for name, count in split.problems.items() if count
    ]
    return text + (f"; handled by rule: {', '.join(handled)}" if handled else "")


def check_room(params: Params, num_categories: int) -> None:
    """Raise BadInput if the disk is too small for the models and checkpoints of the profile."""
    graph = Graph(params)
    model = parameter_count(params.model, num_categories) * BYTES
    trained = [t for t in graph.trained if not graph.paths.weights(t).is_file()]
    needed = len(trained) * model * (1 + STATE_COPIES * (1 + params.train.keep_checkpoints))
    free = free_bytes(graph.paths.data)
    if free < needed:
        raise BadInput(
            f"no space left for what training writes: {len(trained)} models with their checkpoints "
            f"need {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; make room, or lower "
            "train.keep_checkpoints"
        )
