# One model a variant and seed. Checkpoints are no declared outputs: a killed job goes on from them.


rule tracking:
    input:
        paths.params("tracking"),
    output:
        paths.tracking,
    log:
        log_of("tracking"),
    benchmark:
        benchmark_of("tracking")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=1000,
    params:
        options=OPTIONS,
    message:
        "tracking: initialises MLflow's database"
    shell:
        "cornernet tracking {params.options} 2>&1 | tee -i {log}"


rule train:
    input:
        paths.dataset,
        paths.radii,
        paths.params("train", "{variant}"),
        paths.code("train"),
        continued,
        tracking=ancient(paths.tracking),
    output:
        paths.weights(MODEL),
        paths.state(MODEL),
        paths.history(MODEL),
        paths.model_provenance(MODEL),
    log:
        log_of("train", MODEL),
    benchmark:
        benchmark_of("train", MODEL)
    priority: 10
    conda:
        "../../environment.yml"
    threads: graph.params.train.threads
    resources:
        gpu=graph.params.train.devices,
        runtime=20160,
    params:
        options=OPTIONS,
    message:
        "train: {wildcards.variant}, seed {wildcards.seed}"
    shell:
        "cornernet train {params.options} --variant {wildcards.variant} --seed {wildcards.seed}"
        " --devices {resources.gpu} 2>&1 | tee -i {log}"


ruleorder: import_weights > train


rule import_weights:
    input:
        paths.code("import_weights"),
        released=WEIGHTS or [],
    output:
        paths.data / "models" / "released_weights-s{seed}.safetensors",
    log:
        log_of("import_weights", "s{seed}"),
    benchmark:
        benchmark_of("import_weights", "s{seed}")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=8000,
    params:
        options=OPTIONS,
    message:
        "import_weights: the authors' weights"
    shell:
        "cornernet import-weights {params.options} {input.released} --out {output} 2>&1 | tee -i {log}"
