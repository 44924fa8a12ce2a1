"""The typed record of dataset.json, and what is said of a file that cannot be one."""

import json

import pytest

from cornernet.data.coco.dataset import read_dataset
from cornernet.errors import BadInput
from cornernet.files import write_json


def test_what_was_written_is_read_and_nothing_else(tmp_path, dataset):
    found, path = dataset.check(), tmp_path / "dataset.json"
    with pytest.raises(BadInput, match=r"is not there; `cornernet prepare` makes it"):
        read_dataset(path)
    write_json(path, found.to_json())
    assert read_dataset(path) == found
    assert found.num_categories == 2
    tree, text = found.to_json(), path.read_text()
    of_another_version = {**tree, "splits": {"val": {"images": 7}}}, {"source": tree["source"]}
    for content in ("", text[:-20], f"[{text}]", *map(json.dumps, of_another_version)):
        path.write_text(content)
        with pytest.raises(BadInput) as caught:
            read_dataset(path)
        (line,) = caught.value.problems
        assert (
            line == f"{path}: is damaged, or of another version; `cornernet prepare` makes it anew"
        )
