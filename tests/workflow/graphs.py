"""The jobs of both workflow engines, as commands: those that are left to be run, and all."""

import re

import yaml

from workflow.clone import dvc, ok, snakemake

PLANNED = re.compile(r"^\s*Shell command: (cornernet .*)$", re.MULTILINE)
# What Snakemake adds to a command: where it logs, and the GPUs that it gives to the job.
ADDED = re.compile(r" --devices \d+| > \S+ 2>&1")


def left_to_snakemake(folder, *arguments):
    """The commands that Snakemake would run."""
    return commands_in(ok(snakemake(folder, "-n", "-p", *arguments)))


def commands_in(listed):
    """The commands that a dry run printed."""
    return sorted(ADDED.sub("", command) for command in PLANNED.findall(listed))


def dvc_stages(folder):
    """Every stage of dvc.yaml but the first, by name."""
    stages = yaml.safe_load((folder / "dvc.yaml").read_text())["stages"]
    return {name: stage for name, stage in stages.items() if not name.startswith("inputs-")}


def dvc_changed(folder):
    """The stages that `dvc status` names, but the first, which it always names."""
    changed = yaml.safe_load(ok(dvc(folder, "status", "--json")))
    return {name for name in changed if not name.startswith("inputs-")}


def left_to_dvc(folder):
    """The commands that DVC would run: what it sees as changed, and all that comes after.

    Its dry run leaves out what lies behind a stage whose outputs may come out as they were.
    """
    stages = dvc_stages(folder)
    (first,) = yaml.safe_load((folder / "dvc.yaml").read_text())["stages"].keys() - stages.keys()
    ok(dvc(folder, "repro", "--quiet", first))  # as loading the Snakefile does
    maker = {out: name for name, stage in stages.items() for out in outputs_of(stage)}
    changed = dvc_changed(folder)
    for name, stage in stages.items():  # each comes after those that it depends on
        if {maker.get(dep) for dep in stage["deps"]} & changed:
            changed.add(name)
    return sorted(stages[name]["cmd"] for name in changed)


def outputs_of(stage):
    """The paths that a stage of dvc.yaml makes, and the folders of submissions."""
    rows = [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]
    paths = [row if isinstance(row, str) else next(iter(row)) for row in rows]
    return paths + [path.rpartition("/")[0] for path in paths if path.endswith(".zip")]
