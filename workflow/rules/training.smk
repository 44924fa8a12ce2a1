# One model a variant and seed. Checkpoints are no declared outputs: a killed job goes on from them.

TRACKING = paths.data / "tracking.txt"


def continued(wildcards):
    """The state of the model that a variant goes on from, if it continues one."""
    parent = graph.parent(Trained(wildcards.variant, int(wildcards.seed)))
    return [] if parent is None else paths.state(parent)


rule tracking:
    output:
        TRACKING,
    log:
        log_of("tracking"),
    benchmark:
        benchmark_of("tracking")
    params:
        options=OPTIONS,
    resources:
        mem_mb=1000,
    conda:
        "../../environment.yml"
    message:
        "tracking: initialises MLflow's database"
    shell:
        "cornernet tracking {params.options} >{output} 2>{log}"


rule train:
    input:
        paths.dataset,
        paths.radii,
        paths.params("train", "{variant}"),
        paths.code("train"),
        continued,
        tracking=ancient(TRACKING),
    output:
        paths.weights(MODEL),
        paths.state(MODEL),
        paths.history(MODEL),
    log:
        log_of("train", MODEL),
    benchmark:
        benchmark_of("train", MODEL)
    params:
        options=OPTIONS,
    threads: graph.params.train.threads
    resources:
        gpu=graph.params.train.devices,
        runtime=20160,
    priority: 10
    conda:
        "../../environment.yml"
    message:
        "train: {wildcards.variant}, seed {wildcards.seed}"
    shell:
        "cornernet train {params.options} --variant {wildcards.variant} --seed {wildcards.seed}"
        " --devices {resources.gpu} 2>&1 | tee -i {log}"
