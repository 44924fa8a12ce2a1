"""Checks a whole data set before anything is trained: all problems found are told at once."""

import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import pandas as pd

from cornernet.config.schema import Data, SplitFiles
from cornernet.data.coco import annotation_rules
from cornernet.data.coco.annotations import AnnotationFile, read_annotation_file
from cornernet.data.coco.dataset import Category, Dataset, SplitRecord
from cornernet.data.coco.images import UnusableImage, decode_image, read_bytes
from cornernet.data.coco.split import has_annotations
from cornernet.data.coco.split_digests import digests_of, write_record
from cornernet.errors import BadInput, Problem
from cornernet.files import FileDigest, leaves_folder, size_and_times
from cornernet.progress import Progress

# The splits that are tested on: none of their images may be trained on. They may share images with
# each other, for a profile may test on its val as if it were test-dev.
HELD_OUT = ("val", "test_dev")


@dataclass(frozen=True)
class FoundImage:
    """What was found in place of one declared image."""

    file_name: str
    on_disk: FileDigest
    problem: UnusableImage | None


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
    copies = []
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
        splits={name: _recorded(split, record_of(name)) for name, split in splits.items()},
    )


def _problems(root: Path, split: SplitContent, data: Data) -> list[Problem]:
    problems = annotation_rules.annotation_problems(split.file)
    problems += image_problems(root / split.files.images, split.images)
    annotations = split.file.annotations
    keep_crowd = data.keep_crowd and split.name == "train"
    # Boxes that can be trained on, or that metrics count.
    objects = (annotations[["width", "height"]] > 0).all(axis=1) & (keep_crowd | ~annotations.crowd)
    if split.file.images.empty:
        remedy = "declare its images under 'images', or take the split out of data.splits"
        problems.append(Problem("the split is empty", remedy))
    elif has_annotations(split.name) and not objects.any():
        remedy = "annotate some under 'annotations' (boxes of zero size and crowds do not count)"
        problems.append(Problem("no objects at all", remedy))
    return problems


def read_all_images(folder: Path, images: pd.DataFrame, title: str) -> list[FoundImage]:
    """Read, hash and decode the images (a table of an AnnotationFile) below `folder`, in order.

    File names that leave the folder are skipped. `title` stands before the progress display.
    """

    def read(file_name: str, width: int, height: int) -> FoundImage:
        on_disk, problem = FileDigest(), None
        path = folder / file_name
        try:
            with contextlib.suppress(OSError):  # which reading it says in a line
                on_disk = size_and_times(path)
            content = read_bytes(path)
            on_disk = on_disk._replace(sha256=hashlib.sha256(content).hexdigest())
            decode_image(content, path, width, height)
        except UnusableImage as error:
            problem = error
        return FoundImage(file_name, on_disk, problem)

    inside = images.loc[[not leaves_folder(name) for name in images.file_name]]
    columns = (inside[key].tolist() for key in ("file_name", "width", "height"))
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(0)  # else OpenCV prints a line of its own for each damaged image
    try:
        # Threads use all cores: hashing and OpenCV let go of the interpreter's lock.
        with ThreadPoolExecutor() as pool:
            return list(Progress(title, len(inside), iterable=pool.map(read, *columns)))
    finally:
        cv2.utils.logging.setLogLevel(level)


def image_problems(folder: Path, found: Sequence[FoundImage]) -> list[Problem]:
    """A problem for each kind of trouble that the images have."""
    if found and not folder.is_dir():
        return [Problem(f"no image folder {folder}", "see data.root and data.splits")]
    cases = defaultdict(list)
    for item in found:
        if item.problem:
            name, detail = item.file_name, item.problem.detail
            cases[item.problem.kind].append(f"{name}: {detail}" if detail else name)
    return [
        Problem(f"{what} below {folder}", remedy, names, "file")
        for (what, remedy), names in cases.items()
    ]


def _category_problems(splits: Mapping[str, SplitContent]) -> Iterator[str]:
    """Every split must declare the categories of train: same ids, same names."""
    names = {name: dict(split.file.categories.values.tolist()) for name, split in splits.items()}
    expected = names["train"]
    for name, declared in names.items():
        different = sorted({key for key, _ in expected.items() ^ declared.items()})
        if different and declared:  # a file without any is refused by annotation_problems
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
    """Images of train that are in val or test-dev, too.

    The same picture under two names is let through in COCO alone, where it comes from Flickr, to
    which people upload pictures twice; the number of such images is reported.
    """
    cases = defaultdict(list)
    for name, one, other in copies:
        if data.source != "coco" or one == other:
            cases[name].append(" = ".join(dict.fromkeys([one, other])))
    for name, files in cases.items():
        remedy = "take each out of one of the two, or the scores mean nothing"
        problem = Problem(f"train and {name} share images", remedy, files, "file")
        yield problem.message(f"train, {name}")


def _recorded(split: SplitContent, path: Path) -> SplitRecord:
    """What is told of a split; the digests of its files are written to `path`."""
    on_disk = {f"{split.files.images}/{found.file_name}": found.on_disk for found in split.images}
    on_disk[split.files.annotations] = split.file.on_disk
    write_record(path, on_disk)
    digests = digests_of(split.files, on_disk)
    annotations = split.file.annotations
    boxes = annotations.category_id.value_counts()
    return SplitRecord(
        images=len(split.images),
        boxes=len(annotations),
        boxes_by_size=annotation_rules.size_classes(annotations),
        boxes_by_category={str(key): int(boxes.get(key, 0)) for key in split.file.categories.id},
        problems=annotation_rules.count_irregularities(split.file),
        annotations_sha256=digests["annotations"],
        images_sha256=digests["images"],
        image_bytes=sum(found.on_disk.size for found in split.images),
    )
