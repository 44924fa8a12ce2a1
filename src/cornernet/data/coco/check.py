"""Checks a whole data set before anything is trained: all problems found are told at once."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cornernet.config.schema import Data, SplitFiles
from cornernet.data.coco import annotation_rules
from cornernet.data.coco.annotations import AnnotationFile, read_annotation_file
from cornernet.data.coco.dataset import Category, Dataset, SplitRecord
from cornernet.data.coco.image_check import (
    REMARKS,
    FoundImage,
    image_problems,
    read_all_images,
)
from cornernet.data.coco.split import has_annotations
from cornernet.data.coco.split_digests import digests_of, write_record
from cornernet.errors import BadInput, Problem

# The splits that are tested on: none of their images may be trained on. They may share images with
# each other, for a profile may test on its val as if it were test-dev.
HELD_OUT = ("val", "test_dev")


@dataclass(frozen=True)
class SplitContent:
    """What a split's files hold: the parsed annotation file, and each image that it declares."""

    name: str
    files: SplitFiles
    file: AnnotationFile
    images: list[FoundImage]


def check_dataset(root: Path, data: Data, record_of: Callable[[str], Path]) -> Dataset:
    """Check every split, read and decode every image once, and describe the data set.

    `record_of` gives the path of each split's record of file digests (see split_digests.py), which
    is written if no problem was found, so that later stages need not hash the files again. Raises
    BadInput with a line for each kind of problem in each split.
    """
    lines: list[str] = []
    splits: dict[str, SplitContent] = {}
    for name, files in data.splits.items():
        try:
            file = read_annotation_file(root / files.annotations, has_annotations(name))
        except BadInput as error:
            lines += [f"{name}: {problem}" for problem in error.problems]
            continue
        images = read_all_images(root / files.images, file.images, f"reading {name}")
        splits[name] = SplitContent(name, files, file, images)
        where = f"{name} ({root / files.annotations})"
        lines += [problem.message(where) for problem in _problems(root, splits[name], data)]
    copies: list[tuple[str, str, str]] = []
    if "train" in splits:
        copies = _copies(splits)
        lines += [*_category_problems(splits), *_shared_image_problems(copies, data)]
    if lines:
        raise BadInput(lines)
    categories = splits["train"].file.categories.sort_values("id")
    return Dataset(
        source=data.source,
        categories=tuple(Category(*row) for row in categories.itertuples(index=False)),
        images_of_train_also_held_out=len(copies),
        splits={name: _recorded(split, data, record_of(name)) for name, split in splits.items()},
        notes=tuple(_notes(splits, copies, data)),
    )


def _problems(root: Path, split: SplitContent, data: Data) -> list[Problem]:
    problems = annotation_rules.annotation_problems(split.file)
    problems += image_problems(root / split.files.images, split.images)
    told = {problem.noun for problem in problems}
    if split.file.images.empty:
        remedy = "declare its images under 'images', or take the split out of data.splits"
        problems += [] if "image" in told else [Problem("the split is empty", remedy)]
    elif has_annotations(split.name) and not _objects(split, data).any():
        remedy = "annotate some under 'annotations' (boxes of zero size and crowds do not count)"
        problems += [] if "annotation" in told else [Problem("no objects at all", remedy)]
    return problems


def _objects(split: SplitContent, data: Data) -> pd.Series:
    """Which annotations can be trained on, or are counted by metrics.  bool [n]"""
    annotations, keep_crowd = split.file.annotations, data.keep_crowd and split.name == "train"
    sized = (annotations[["width", "height"]] > 0).all(axis=1)
    return sized & (keep_crowd | ~annotations.crowd)


def _category_problems(splits: Mapping[str, SplitContent]) -> Iterator[str]:
    """Every split must declare the categories of train: same ids, same names."""
    names = {
        name: dict(split.file.categories.values.tolist())
        for name, split in splits.items()
        # What the others lack is told by annotation_problems.
        if split.file.categories.id.is_unique and not split.file.left_out_categories
    }
    expected = names.get("train", {})
    for name, declared in names.items() if expected else ():
        different = sorted({key for key, _ in expected.items() ^ declared.items()})
        if different and declared:
            cases = [
                f"{key}: {expected.get(key, 'none')} and {declared.get(key, 'none')}"
                for key in different
            ]
            what = f"train and {name} declare different categories"
            problem = Problem(what, "declare the same ids and names in both", cases, "category")
            yield problem.message(f"train, {name}")


def _copies(splits: Mapping[str, SplitContent]) -> list[tuple[str, str, str]]:
    """Images of train that are held out too, by their bytes: split, name in train, name in it."""
    trained = [(found.on_disk.sha256, found.file_name) for found in splits["train"].images]
    names, pairs = dict(trained), set(trained)
    return [
        # The file of the same name, rather than a copy of it.
        (name, other if (digest, other) in pairs else names[digest], other)
        for name in HELD_OUT
        if name in splits
        for digest, other in ((one.on_disk.sha256, one.file_name) for one in splits[name].images)
        if digest and digest in names
    ]


def _shared_image_problems(copies: Sequence[tuple[str, str, str]], data: Data) -> Iterator[str]:
    """Images of train that are in val or test-dev, too; with `data.same_images` they may be.

    The same picture under two names is let through in COCO alone, where it comes from Flickr, to
    which people upload pictures twice; the number of such images is reported.
    """
    cases = defaultdict(list)
    for name, one, other in copies:
        if not data.same_images and (data.source != "coco" or one == other):
            cases[name].append(" = ".join(dict.fromkeys([one, other])))
    for name, files in cases.items():
        remedy = (
            "take each out of one of the two, or the scores mean nothing (data.same_images: true "
            "allows it, to see whether a network learns its images by heart)"
        )
        problem = Problem(f"train and {name} share images", remedy, files, "file")
        yield problem.message(f"train, {name}")


def _notes(
    splits: Mapping[str, SplitContent], copies: Sequence[tuple[str, str, str]], data: Data
) -> Iterator[str]:
    """What is let through and a user should know, a line for each kind in each split."""
    for name, split in splits.items():
        for kind, remark in REMARKS.items():
            if cases := [one.remarks[kind] for one in split.images if kind in one.remarks]:
                yield Problem(*remark, cases, "file").message(name)
        if cases := _same_bytes(split.images):
            remedy = "take one out, or its objects count twice"
            yield Problem("the same image under two names", remedy, cases, "file").message(name)
        for problem in annotation_rules.annotation_remarks(split.file):
            yield problem.message(name)
    if cases := _untrained(splits, data):
        remedy = "annotate some, or take it out of all annotation files"
        yield Problem("no object", remedy, cases, "category").message("train")
    if copies and data.same_images:
        yield (
            f"train: {len(copies):,} of its images are tested on, as data.same_images allows; "
            "scores say how well it knows these by heart"
        )


def _same_bytes(images: Sequence[FoundImage]) -> list[str]:
    """Images that are copies of one before them."""
    first: dict[str, str] = {}
    pairs = [(one.file_name, first.setdefault(one.on_disk.sha256, one.file_name)) for one in images]
    return [f"{name} = {other}" for name, other in pairs if name != other]


def _untrained(splits: Mapping[str, SplitContent], data: Data) -> list[str]:
    """Categories of which train has no object, and how many the other splits have."""
    objects = {
        name: split.file.annotations.category_id[_objects(split, data)].value_counts()
        for name, split in splits.items()
        if has_annotations(name)
    }
    trained = objects.pop("train")
    return [
        f"{name!r}: " + ", ".join(f"{of.get(key, 0)} in {split}" for split, of in objects.items())
        for key, name in splits["train"].file.categories.sort_values("id").itertuples(index=False)
        if key not in trained
    ]


def _recorded(split: SplitContent, data: Data, path: Path) -> SplitRecord:
    """What is told of a split; the digests of its files are written to `path`."""
    on_disk = {f"{split.files.images}/{found.file_name}": found.on_disk for found in split.images}
    on_disk[split.files.annotations] = split.file.on_disk
    write_record(path, on_disk)
    digests = digests_of(split.files, on_disk)
    annotations = split.file.annotations
    boxes = annotations.category_id.value_counts()
    remarks = {kind: sum(kind in one.remarks for one in split.images) for kind in REMARKS}
    of_images = annotations.image_id[_objects(split, data)].value_counts()
    images_by_objects = of_images.reindex(split.file.images.id, fill_value=0).value_counts()
    return SplitRecord(
        images=len(split.images),
        boxes=len(annotations),
        boxes_by_size=annotation_rules.size_classes(annotations),
        boxes_by_category={str(key): int(boxes.get(key, 0)) for key in split.file.categories.id},
        images_by_objects={str(count): int(n) for count, n in images_by_objects.items()},
        problems=annotation_rules.count_irregularities(split.file) | remarks,
        annotations_sha256=digests["annotations"],
        images_sha256=digests["images"],
        image_bytes=sum(found.on_disk.size for found in split.images),
    )
