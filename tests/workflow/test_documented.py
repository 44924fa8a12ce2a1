"""Every shell block of README and docs runs as it stands, or its page says why it does not.

Two things stand in: the profile `smoke` for `demo`, and a tiny network and four iterations in `custom`.
"""

import re
import shutil
import subprocess

import cv2
import numpy as np
import pytest
import yaml

from workflow.clone import REPOSITORY, environment_of, ok
from workflow.test_real_data import TINY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md"]
PAGES += sorted((REPOSITORY / "docs").rglob("*.md"))
NOT_RUN = r"<!-- not run by the tests: (?P<reason>[^>]+) -->\n"
BLOCK = re.compile(rf"(?:{NOT_RUN})?^```sh\n(?P<lines>.*?)^```", re.MULTILINE | re.DOTALL)
FIRST = "snakemake --cores all --config profile=custom set=data.root=PATH/TO/FOLDER\n"
ELSEWHERE = "cornernet detect photo"  # of detect.md: tests/library/test_documented.py runs them
BLOCKS = [
    pytest.param(
        found["lines"],
        id=f"{path.stem}-{number}",
        marks=[pytest.mark.long] if found["lines"].startswith("snakemake") else [],
    )
    for path in PAGES
    for number, found in enumerate(BLOCK.finditer(path.read_text(encoding="utf-8")))
    if not found["reason"] and found["lines"] != FIRST
    if path.name != "detect.md" or not found["lines"].startswith(ELSEWHERE)
]


@pytest.fixture(scope="module")
def place(by_snakemake):
    """A clone with the files that the pages name, in which the example for own images was run."""
    custom = by_snakemake / "params/custom.yaml"
    params = yaml.safe_load(custom.read_text())
    for section, values in yaml.safe_load(TINY).items():
        params[section] = params.get(section, {}) | values
    custom.write_text(yaml.safe_dump(params))
    shapes, own = by_snakemake / "data/smoke/shapes", by_snakemake / "PATH/TO/FOLDER"
    shutil.copytree(shapes / "annotations", own / "annotations")
    for split in ("train", "val"):
        shutil.copytree(shapes / split, own / "images", dirs_exist_ok=True)
    cv2.imwrite(str(by_snakemake / "photo.jpg"), np.full((64, 64, 3), 99, np.uint8))
    ok(shell(by_snakemake, FIRST))
    model = by_snakemake / "data/custom/models/baseline-s0.safetensors"
    shutil.copy(model, by_snakemake / "pretrained.safetensors")
    return by_snakemake


def shell(folder, lines):
    """Run lines of a shell in a clone."""
    return subprocess.run(
        ["bash", "-euc", lines],
        cwd=folder,
        env=environment_of(folder),
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("lines", BLOCKS)
def test_a_block_runs(place, lines):
    ok(shell(place, lines.replace("demo", "smoke")))
