# Shared by all: the graph of the profile, its paths, the options of each command, input functions.
import shlex

from snakemake.exceptions import WorkflowError

from cornernet.config import load_params
from cornernet.errors import BadInput
from cornernet.paths import Paths, Tested, Trained
from cornernet.stages.graph import Graph
from cornernet.stages.inputs import refresh

# `--config set=train.iterations=100` or `--config 'set=["a.b=1", "c.d=2"]'`, as `cornernet --set`.
SETTINGS = config.get("set") or []
SETTINGS = [str(SETTINGS)] if not isinstance(SETTINGS, list) else SETTINGS

# The authors' weights have a profile of their own: those of the others are trained.
WEIGHTS = config.get("weights")
PROFILE = "released_weights" if WEIGHTS else config["profile"]

try:
    graph = Graph(load_params(PROFILE, SETTINGS))
except BadInput as error:
    raise WorkflowError("\n".join(error.problems)) from None

paths = graph.paths
OPTIONS = shlex.join(
    ["--profile", paths.profile]
    + [word for text in SETTINGS for word in ("--set", text)]
)
# Each stage's part of the params, and its code, as files: rewritten only when they change.
refresh(graph.params)

MODEL = Trained("{variant}", "{seed}")
TEST = Tested(MODEL, "{split}", "{mode}")
SUBMITTED = Tested(MODEL, "test_dev", "{mode}")
TRACKING = paths.data / "tracking.txt"


wildcard_constraints:
    variant="[a-z0-9_]+",
    seed=r"\d+",
    split="train|val|test_dev",
    mode="single_scale|multi_scale|gt_heatmaps|gt_heatmaps_offsets",


def log_of(stage, name=""):
    """Where a job's log lies."""
    return paths.data / "logs" / f"{stage}{'-' if name else ''}{name}.log"


def benchmark_of(stage, name=""):
    """Where a job's time and memory are recorded."""
    return paths.data / "benchmarks" / f"{stage}{'-' if name else ''}{name}.tsv"


def continued(wildcards):
    """The state of the model that a variant goes on from, if it continues one."""
    parent = graph.parent(Trained(wildcards.variant, int(wildcards.seed)))
    return [] if parent is None else paths.state(parent)


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
