# Shared by all: the profile's graph, and what a rule takes from the description of its stage.
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from snakemake.exceptions import WorkflowError

from cornernet.commands.status import results_of
from cornernet.config.schema import MODES, SPLITS
from cornernet.errors import BadInput, bad_input_of
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.engines.cluster import check_slurm, cluster_of
from cornernet.pipeline.engines.interchange import NESTED, take_from_dvc, tell_dvc
from cornernet.pipeline.engines.snakemake_call import (
    asked_of,
    refuse_repeated,
    running_alone,
)
from cornernet.pipeline.staleness.resolved import refresh
from cornernet.pipeline.stage import key_from, options_of

# The runs of one call of snakemake are a group in MLflow; jobs, those on a cluster too, inherit this.
os.environ.setdefault(
    "CORNERNET_INVOCATION",
    f"{time.strftime('%Y-%m-%d %H:%M:%S')} snakemake {os.getpid()}",
)

ON_GPUS = [stage.name for stage in STAGES.values() if stage.on_gpus]


def runtimes():
    """Minutes that jobs ask of Slurm, by rule; of an expression, nothing is known before."""
    asked = {name: cluster.runtime for name in ON_GPUS}
    for name, others in workflow.resource_settings.overwrite_resources.items():
        if name in asked and (own := others.get("runtime")):
            asked[name] = 0 if own.is_evaluable() else own.value
    return asked


try:
    if workflow.is_main_process and NESTED not in os.environ:
        refuse_repeated(sys.argv)
    graph, overrides = asked_of(config)
    cluster = cluster_of(config)  # None: what is run is run here
    if workflow.is_main_process and NESTED not in os.environ:
        if cluster:
            check_slurm(cluster, runtimes(), lambda line: print(line, file=sys.stderr))
        held = ExitStack()  # until this process ends, however it ends
        held.enter_context(running_alone(graph, overrides, sys.argv))
        # What each job depends on, as files: rewritten only when their content changes.
        refresh(graph)
        # What `dvc repro` has made since, this workflow takes as done.
        if line := take_from_dvc(graph, overrides):
            print(line, file=sys.stderr)
except (BadInput, OSError) as error:
    raise WorkflowError(str(bad_input_of(error))) from None

paths = graph.paths
OPTIONS = options_of(graph.params, overrides)


# On a cluster these run where the user is logged in: jobs are for what needs GPUs.
localrules:
    all,
    released_weights,
    download,
    prepare,
    radii,
    import_weights,
    evaluate,
    submit,
    tables,
    figures,
    claims,
    report,


wildcard_constraints:
    variant="[a-z0-9_]+",
    seed=r"\d+",
    split="|".join(SPLITS),
    mode="|".join(MODES),


def variants_of(models):
    """A wildcard's constraint: the variants of these models alone."""
    return "|".join(sorted({model.variant for model in models})) or "none"


def pattern(stage):
    """The key of any job of a stage, with wildcards in the place of its values."""
    keys = STAGES[stage].keys
    return key_from({name: f"{{{name}}}" for name in keys}) if keys else None


def inputs(stage):
    """What a job of a stage reads: a list, or a function of the wildcards where there are any."""

    def of(key):
        described = STAGES[stage]
        files = described.all_inputs(graph, key)
        files += [path for path in described.user_files(graph, key) if path.is_file()]
        return files

    if pattern(stage) is None:
        return of(None)
    return lambda wildcards: of(key_from(dict(wildcards)))


def outputs(stage):
    """What a job of a stage writes."""
    files = STAGES[stage].outputs(paths, pattern(stage))
    return [path if path.suffix else directory(path) for path in files]


def in_report(files, caption, category):
    """The same files, shown by `snakemake --report`."""
    shown = {"caption": f"../report/{caption}.rst", "category": category}
    return [report(f, labels={"file": f.name}, **shown) for f in files]


def log_of(stage):
    """Where a job's log lies."""
    return paths.logs / f"{STAGES[stage].job_name(pattern(stage))}.log"


def benchmark_of(stage):
    """Where a job's time and memory are recorded."""
    return paths.benchmarks / f"{STAGES[stage].job_name(pattern(stage))}.tsv"


def command(stage):
    """The command of a job; `params.options` name the profile."""
    described = STAGES[stage]
    words = [f"cornernet {described.command} {{params.options}}"]
    words += [f"--{name} {{wildcards.{name}}}" for name in described.keys]
    words += ["--devices {resources.gpu}"] if described.on_gpus else []
    line = " ".join([*words, "> {log:q} 2>&1"])
    return cluster.launched(line) if cluster and stage == "train" else line


def resources_of(stage):
    """What a job on GPUs asks for: of Slurm, or just how many GPUs."""
    if not cluster:
        return {"gpu": graph.params.train.devices if stage == "train" else 1}
    asked = cluster.resources(stage, graph.params)
    # A job that is running has its memory; counting the network's weights again would delay it.
    return asked if workflow.is_main_process else asked | {"mem_mb": 0}


def message_of(stage):
    """What a job is said to do."""
    described = STAGES[stage]
    key = key_from({name: f"{{wildcards.{name}}}" for name in described.keys})
    return f"{stage} {key or ''}".strip() + f": {described.summary}"


def tell_mlflow():
    """Tell MLflow what jobs on a cluster left in files: they do not write its database."""
    if cluster:
        shell("cornernet tracking {OPTIONS} || true")


def with_weights(wildcards):
    """All that is made of the authors' weights; they must be named."""
    if graph.released is None:
        raise WorkflowError(
            "say where the weights are: --config weights=CornerNet_500000.pkl"
        )
    return rules.all.input
