# CornerNet (Law and Deng, ECCV 2018), from the images to the paper's tables.
#
#   snakemake --cores all --resources gpu=10            the paper
#   snakemake --cores all --config profile=demo         the embedded data set, without a GPU
#   snakemake released_weights --config weights=FILE    the authors' weights, imported and tested
#
# Rules lie in workflow/rules, one file per stage group; each runs one `cornernet` command. What is
# run follows from the params of the profile (params/<profile>.yaml).
from snakemake.utils import min_version

min_version("9.0")


configfile: "params/profile.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/testing.smk"
include: "workflow/rules/reporting.smk"


rule all:
    default_target: True
    input:
        paths.page,
        [paths.submission(tested) for tested in graph.submitted],
    message:
        "all: the report and what is submitted"


# The authors' weights, imported and tested: snakemake released_weights --config weights=FILE
rule released_weights:
    input:
        with_weights,


onsuccess:
    tell_mlflow()
    if line := tell_dvc(graph, overrides):
        print(line)
    if paths.page.is_file():
        print(f"\n{results_of(paths)}\n\nDone. The report: {paths.page}")


onerror:
    tell_mlflow()
    if line := tell_dvc(graph, overrides):
        print(line)
    print(
        f"Something failed; its log is named above. What is left: cornernet status {OPTIONS}"
    )
