# Shared by all: the graph of the profile, its paths, the options of each command, input functions.
import os
import shlex
import sys
from pathlib import Path
import time

from snakemake.exceptions import WorkflowError

from cornernet.config import load_params
from cornernet.errors import BadInput
from cornernet.pipeline.paths import Paths, Tested, Trained
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.resolved import refresh
from cornernet.pipeline.engines import adopt, record

# The runs of one call of snakemake are a group in MLflow; jobs, those on a cluster too, inherit this.
os.environ.setdefault(
    "CORNERNET_INVOCATION",
    f"{time.strftime('%Y-%m-%d %H:%M:%S')} snakemake {os.getpid()}",
)

# `--config set=train.iterations=100` or `--config 'set=["a.b=1", "c.d=2"]'`, as `cornernet --set`.
SETTINGS = config.get("set") or []
SETTINGS = [str(SETTINGS)] if not isinstance(SETTINGS, list) else SETTINGS

# The authors' weights have a profile of their own: those of the others are trained.
WEIGHTS = config.get("weights")
PROFILE = "released_weights" if WEIGHTS else config["profile"]
if WEIGHTS and not Path(WEIGHTS).is_file():
    raise WorkflowError(
        f"weights={WEIGHTS}: no such file; give the path of the released weights"
    )

try:
    graph = Graph(load_params(PROFILE, SETTINGS))
except BadInput as error:
    raise WorkflowError("\n".join(error.problems)) from None

paths = graph.paths
OPTIONS = shlex.join(
    ["--profile", paths.profile]
    + [word for text in SETTINGS for word in ("--set", text)]
)
if workflow.is_main_process:
    # Each stage's part of the params, and its code, as files: rewritten only when they change.
    refresh(graph.params)
    # What `dvc repro` has made since, this workflow takes as done.
    if line := adopt(paths.profile):
        print(line, file=sys.stderr)

MODEL = Trained("{variant}", "{seed}")
TEST = Tested(MODEL, "{split}", "{mode}")
SUBMITTED = Tested(MODEL, "test_dev", "{mode}")


wildcard_constraints:
    variant="[a-z0-9_]+",
    seed=r"\d+",
    split="train|val|test_dev",
    mode="single_scale|multi_scale|gt_heatmaps|gt_heatmaps_offsets",


def tell_dvc(dag):
    """What this run has made, or found up to date, `dvc repro` takes as done."""
    done = (job for job in dag.jobs if dag.finished(job) or not dag.needrun(job))
    if line := record(
        paths.profile, [str(file) for job in done for file in job.output]
    ):
        print(line)


def log_of(stage, name=""):
    """Where a job's log lies."""
    return paths.logs / f"{stage}{'-' if name else ''}{name}.log"


def benchmark_of(stage, name=""):
    """Where a job's time and memory are recorded."""
    return paths.benchmarks / f"{stage}{'-' if name else ''}{name}.tsv"


def continued(wildcards):
    """The state of the model that a variant goes on from, if it continues one."""
    parent = graph.parent(Trained(wildcards.variant, int(wildcards.seed)))
    return [] if parent is None else paths.state(parent)


def weights_of(wildcards):
    """The weights that a variant is tested with: its own, or those of the one that it names."""
    trained = Trained(wildcards.variant, int(wildcards.seed))
    return paths.weights(graph.weights_of(trained))


def to_evaluate(wildcards):
    """Detections; for test-dev the submission, and the server's answer once the user has it."""
    trained = Trained(wildcards.variant, int(wildcards.seed))
    tested = Tested(trained, wildcards.split, wildcards.mode)
    if tested.split == "test_dev":
        return [paths.submission(tested), *graph.server_scores(tested)]
    return [paths.detections(tested)]


def with_weights(wildcards):
    """All that is made of the authors' weights; they must be named."""
    if not WEIGHTS:
        raise WorkflowError(
            "say where the weights are: --config weights=CornerNet_500000.pkl"
        )
    return rules.all.input
