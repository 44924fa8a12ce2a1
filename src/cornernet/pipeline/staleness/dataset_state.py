"""Whether the data set on the disk is still the one that `prepare` described.

Sizes and times of all files are listed at each start, and only what changed in these is read again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from cornernet.config import Params
from cornernet.data.coco.dataset import Dataset, read_dataset
from cornernet.data.coco.split_digests import changed_inputs, split_digests
from cornernet.errors import BadInput
from cornernet.pipeline.paths import Paths

UNCHANGED = "{}\n"


def state_of_files(params: Params) -> str:
    """The content of files.yaml: the digests of the files, if these changed since `prepare`.

    `prepare` depends on files.yaml, and every other stage on `prepare`. dataset.json keeps what
    files.yaml said when the data set was prepared: it says so again once the old files are back.
    """
    paths = Paths(params.profile)
    if not paths.dataset.is_file():
        return paths.files.read_text() if paths.files.is_file() else UNCHANGED
    dataset, found = read_dataset(paths.dataset), {}
    for name, files in params.data.splits.items():
        try:
            root, record = Path(params.data.root), paths.file_digests(name)
            found[str(name)], _ = split_digests(root, files, name, record)
        except BadInput:  # not there: to be fetched again, or told by the stage that needs it
            return dataset.prepared_with
    prepared = {name: split.digests for name, split in dataset.splits.items()}
    return dataset.prepared_with if found.items() <= prepared.items() else yaml.safe_dump(found)


@contextmanager
def files_as_prepared(params: Params, dataset: Dataset, names: Sequence[str]) -> Iterator[None]:
    """Raises BadInput if the files of a split have changed when the block starts or ends."""
    _refuse_changed(params, dataset, names)
    yield
    _refuse_changed(params, dataset, names)


def _refuse_changed(params: Params, dataset: Dataset, names: Sequence[str]) -> None:
    splits = {name: files for name, files in params.data.splits.items() if name in names}
    record_of = Paths(params.profile).file_digests
    if lines := changed_inputs(dataset, Path(params.data.root), splits, record_of):
        raise BadInput(lines)
