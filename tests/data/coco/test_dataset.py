"""The typed record of dataset.json, and what is said of a file that cannot be one."""

import json

import pytest

from cornernet.data.coco.dataset import read_dataset
from cornernet.errors import BadInput
from cornernet.files import write_json


def test_what_was_written_is_read(dataset, tmp_path):
    found = dataset.check()
    assert found.num_categories == 2
    for later in ({}, {"of_a_later_version": 1}):
        write_json(tmp_path / "dataset.json", found.to_json() | later)
        assert read_dataset(tmp_path / "dataset.json") == found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tree: "", "is damaged"),
        (lambda tree: json.dumps(tree)[:-20], "is damaged"),
        (lambda tree: [tree], "another file"),
        (lambda tree: {**tree, "splits": {"val": 7}}, "another file"),
        (lambda tree: {**tree, "splits": {"val": {"images": 7}}}, "has no 'boxes'"),
        (lambda tree: {key: tree[key] for key in ("source", "categories")}, "has no 'images_of_"),
    ],
)
def test_what_is_no_record_is_refused_in_one_line(tmp_path, dataset, change, said):
    path = tmp_path / "dataset.json"
    with pytest.raises(BadInput, match=r"is not there; `cornernet prepare` makes it"):
        read_dataset(path)
    changed = change(dataset.check().to_json())
    path.write_text(changed if isinstance(changed, str) else json.dumps(changed))
    with pytest.raises(BadInput) as caught:
        read_dataset(path)
    (line,) = caught.value.problems
    assert line.startswith(str(path))
    assert said in line
    assert "`cornernet prepare` makes it anew" in line
