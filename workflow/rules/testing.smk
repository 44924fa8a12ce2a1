# Detections of a trained model on a split, and what they are worth.


rule predict:
    input:
        paths.dataset,
        weights_of,
        paths.params("predict", "{variant}"),
        paths.code("predict"),
    output:
        paths.detections(TEST),
    log:
        log_of("predict", TEST),
    benchmark:
        benchmark_of("predict", TEST)
    priority: 5
    conda:
        "../../environment.yml"
    threads: graph.params.detection.threads
    resources:
        gpu=1,
        runtime=1440,
    params:
        options=OPTIONS,
    message:
        "predict: {wildcards.variant}, seed {wildcards.seed}, {wildcards.split}, {wildcards.mode}"
    shell:
        "cornernet predict {params.options} --variant {wildcards.variant} --seed {wildcards.seed}"
        " --split {wildcards.split} --mode {wildcards.mode} --devices {resources.gpu}"
        " 2>&1 | tee -i {log}"


rule corners:
    input:
        paths.dataset,
        weights_of,
        paths.params("corners", "{variant}"),
        paths.code("corners"),
    output:
        paths.corners(MODEL),
    log:
        log_of("corners", MODEL),
    benchmark:
        benchmark_of("corners", MODEL)
    conda:
        "../../environment.yml"
    threads: graph.params.detection.threads
    resources:
        gpu=1,
        runtime=1440,
    params:
        options=OPTIONS,
    message:
        "corners: {wildcards.variant}, seed {wildcards.seed}"
    shell:
        "cornernet corners {params.options} --variant {wildcards.variant} --seed {wildcards.seed}"
        " --devices {resources.gpu} 2>&1 | tee -i {log}"


rule submit:
    input:
        paths.dataset,
        paths.detections(SUBMITTED),
        paths.params("submit"),
        paths.code("submit"),
    output:
        paths.submission(SUBMITTED),
    log:
        log_of("submit", SUBMITTED),
    benchmark:
        benchmark_of("submit", SUBMITTED)
    conda:
        "../../environment.yml"
    resources:
        mem_mb=4000,
    params:
        options=OPTIONS,
    message:
        "submit: {wildcards.variant}, seed {wildcards.seed}, {wildcards.mode}"
    shell:
        "cornernet submit {params.options} --variant {wildcards.variant} --seed {wildcards.seed}"
        " --mode {wildcards.mode} 2>&1 | tee -i {log}"


rule evaluate:
    input:
        paths.dataset,
        to_evaluate,
        paths.params("evaluate"),
        paths.code("evaluate"),
    output:
        paths.metrics(TEST),
    log:
        log_of("evaluate", TEST),
    benchmark:
        benchmark_of("evaluate", TEST)
    conda:
        "../../environment.yml"
    resources:
        mem_mb=8000,
    params:
        options=OPTIONS,
    message:
        "evaluate: {wildcards.variant}, seed {wildcards.seed}, {wildcards.split}, {wildcards.mode}"
    shell:
        "cornernet evaluate {params.options} --variant {wildcards.variant} --seed {wildcards.seed}"
        " --split {wildcards.split} --mode {wildcards.mode} 2>&1 | tee -i {log}"
