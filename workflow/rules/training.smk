# One model per variant and seed. Checkpoints are no declared outputs: a killed job goes on from them.


rule train:
    input:
        inputs("train"),
    output:
        outputs("train"),
    log:
        log_of("train"),
    benchmark:
        benchmark_of("train")
    wildcard_constraints:
        variant=variants_of(graph.trained),
    priority: 10
    conda:
        "../../environment.yml"
    threads: graph.params.train.threads
    resources:
        **resources_of("train"),
    params:
        options=OPTIONS,
    message:
        message_of("train")
    shell:
        command("train")


rule import_weights:
    input:
        inputs("import_weights"),
        released=graph.released or [],
    output:
        outputs("import_weights"),
    log:
        log_of("import_weights"),
    benchmark:
        benchmark_of("import_weights")
    wildcard_constraints:
        variant="|".join(trained.variant for trained in graph.imported) or "none",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=8000,
    params:
        options=OPTIONS,
    message:
        message_of("import_weights")
    shell:
        "cornernet import-weights {params.options} {input.released:q} --out {output:q}"
        " > {log:q} 2>&1"
