"""Which runs can have the paper's numbers, and which trainings are the same but for their seed."""

import re

import pytest

from cornernet.config import load_params
from cornernet.data.coco.dataset import Dataset, SplitRecord
from cornernet.pipeline.comparable import not_comparable
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import CLAIMS_FILE
from cornernet.pipeline.staleness import training_key
from cornernet.pipeline.staleness.training_key import training_keys
from cornernet.reporting.claims.claim_list import load_comparable


def dataset(**digests):
    """A data set with COCO's annotations, but for the digests given."""
    coco = load_comparable(CLAIMS_FILE).annotations
    splits = {
        name: SplitRecord(1, 1, {}, {}, {}, digests.get(name, digest), "0", 0)
        for name, digest in coco.items()
    }
    return Dataset("coco", (), 0, splits)


@pytest.mark.parametrize(
    ("profile", "overrides", "digests", "reason"),
    [
        ("paper", [], {}, ""),
        ("as_run", [], {}, ""),
        ("released", ["train.threads=2", "train.seeds=[0, 1]", "evaluation.halves=9"], {}, ""),
        ("released_weights", [], {"train": "0"}, ""),  # nothing is trained
        ("paper", [], {"val": "0"}, "the annotations of val are not COCO's"),
        ("paper", [], {"train": "0"}, "the annotations of train are not COCO's"),
        ("paper", ["train.iterations=1000"], {}, "other params .*: train.iterations$"),
        ("paper", ["train.init=w.safetensors"], {}, "other params .*: train.init$"),
        ("paper", ["detection.soft_nms.sigma=0.4"], {}, "detection.soft_nms.sigma"),
        ("demo", [], {}, "other params than the paper's: .*model.dims"),
    ],
)
def test_a_run_is_comparable_on_coco_with_the_papers_params(profile, overrides, digests, reason):
    found = not_comparable(load_params(profile, overrides), dataset(**digests))
    assert re.search(reason, found)
    assert bool(found) == bool(reason)


def keys(profile="demo", *overrides, data=None):
    return training_keys(Graph(load_params(profile, overrides)), data or dataset())


def test_a_training_is_known_by_all_that_decides_it_but_its_seed(monkeypatch, tmp_path):
    known = keys()
    assert len(set(known.values())) == len(known) == 5
    assert keys("demo", "train.seeds=[7]", "evaluation.halves=9", "report.title=x") == known
    changed = keys("demo", "variants.full_schedule.set={train.iterations: 900}")
    assert {name for name in known if known[name] != changed[name]} == {"full_schedule"}
    shorter = keys("demo", "train.learning_rate=0.5")  # and of what goes on from it
    assert not set(shorter.values()) & set(known.values())
    assert not set(keys(data=dataset(train="0")).values()) & set(known.values())
    assert keys(data=dataset(val="0")) == known
    init, started = tmp_path / "w.safetensors", []
    for content in ("one", "two"):  # what is started from counts by its content
        init.write_text(content)
        started.append(keys("demo", f"train.init={init}"))
    assert not set(started[0].values()) & {*started[1].values(), *known.values()}
    monkeypatch.setattr(training_key, "code_of", lambda deciding: {"losses": "changed"})
    assert not set(keys().values()) & set(known.values())
