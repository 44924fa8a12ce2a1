"""All stages of a profile much as smoke, run in this process; and what of the package each ran."""

import shutil
import sys
import threading
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from cornernet.cli import main
from cornernet.config import load_params
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.staleness.code import ROOT
from cornernet.stages import train as train_stage
from cornernet.training.loop import alone

REPOSITORY = Path(__file__).parents[2]
# One more than smoke has, and one that borrows another's weights, named as in text_and_code.yaml:
# the page shows its effect.
VARIANTS = {
    "no_corner_pooling": {},
    "rounded_scores": {"weights_of": "baseline", "set": {"detection.score_decimals": 1}},
}
TESTED = """
- {variants: [baseline, no_corner_pooling, full_schedule, rounded_scores], split: val, modes: [single_scale]}
- {variants: [baseline], split: val, modes: [gt_heatmaps, gt_heatmaps_offsets]}
- {variants: [full_schedule], split: test_dev, modes: [single_scale, multi_scale]}
"""
PACKAGE = str(ROOT)
RAN = defaultdict(set)  # stage -> the package's files of which a function ran


@contextmanager
def traced(name):
    """Note the package's files of which a function runs, in this thread and in new ones.

    A trace function that returns None is told of calls alone, not of lines, returns or C functions.
    """

    def note(frame, event, argument):
        code = frame.f_code
        if code.co_filename.startswith(PACKAGE) and code.co_name != "<module>":
            RAN[name].add(code.co_filename)

    before = sys.gettrace()
    threading.settrace(note)
    sys.settrace(note)
    try:
        yield
    finally:
        sys.settrace(before)
        threading.settrace(before)


def stage(name, *more):
    with traced(name):
        assert main([name, "--profile", "smoke", *more]) == 0, (name, *more)


def run_all():
    graph = Graph(load_params("smoke"))
    for name in ("download", "prepare", "radii"):
        stage(name)
    for trained in graph.trained:
        stage("train", "--variant", trained.variant)
    for tested in graph.tested:
        test = ("--variant", tested.trained.variant, "--mode", tested.mode)
        stage("predict", *test, "--split", tested.split)
        if tested in graph.submitted:
            stage("submit", *test)
        stage("evaluate", *test, "--split", tested.split)
    for trained in graph.with_corners:
        stage("corners", "--variant", trained.variant)
    for name in ("tables", "figures", "claims", "report"):
        stage(name)


def made_in(folder):
    """Run all stages in a folder with the params, and stay in it until the generator is closed."""
    for part in ("params", "reports/records"):
        shutil.copytree(REPOSITORY / part, folder / part)
    smoke = folder / "params/smoke.yaml"
    tree = yaml.safe_load(smoke.read_text())
    tree["variants"] |= VARIANTS
    tree |= {"tested": yaml.safe_load(TESTED), "corners": {}}
    smoke.write_text(yaml.safe_dump(tree))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        with patch.context() as in_this_process:  # where functions that run are seen
            in_this_process.setattr(train_stage, "run_on", lambda devices, nodes, *job: alone(*job))
            run_all()
        yield folder
