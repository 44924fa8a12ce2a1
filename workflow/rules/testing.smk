# Detections of a trained model on a split, and what they are worth.


rule predict:
    input:
        inputs("predict"),
    output:
        outputs("predict"),
    log:
        log_of("predict"),
    benchmark:
        benchmark_of("predict")
    priority: 5
    conda:
        "../../environment.yml"
    threads: graph.params.detection.threads
    resources:
        **resources_of("predict"),
    params:
        options=OPTIONS,
    message:
        message_of("predict")
    shell:
        command("predict")


rule corners:
    input:
        inputs("corners"),
    output:
        outputs("corners"),
    log:
        log_of("corners"),
    benchmark:
        benchmark_of("corners")
    conda:
        "../../environment.yml"
    threads: graph.params.detection.threads
    resources:
        **resources_of("corners"),
    params:
        options=OPTIONS,
    message:
        message_of("corners")
    shell:
        command("corners")


rule submit:
    input:
        inputs("submit"),
    output:
        outputs("submit"),
    log:
        log_of("submit"),
    benchmark:
        benchmark_of("submit")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=4000,
    params:
        options=OPTIONS,
    message:
        message_of("submit")
    shell:
        command("submit")


rule evaluate:
    input:
        inputs("evaluate"),
    output:
        outputs("evaluate"),
    log:
        log_of("evaluate"),
    benchmark:
        benchmark_of("evaluate")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=8000,
    params:
        options=OPTIONS,
    message:
        message_of("evaluate")
    shell:
        command("evaluate")
