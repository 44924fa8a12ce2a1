# From the network, a generator or the user's folder to a checked data set.


rule download:
    input:
        inputs("download"),
    output:
        outputs("download"),
    log:
        log_of("download"),
    benchmark:
        benchmark_of("download")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=4000,
    params:
        options=OPTIONS,
    message:
        message_of("download")
    shell:
        command("download")


rule prepare:
    input:
        inputs("prepare"),
    output:
        outputs("prepare"),
    log:
        log_of("prepare"),
    benchmark:
        benchmark_of("prepare")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=4000,
    params:
        options=OPTIONS,
    message:
        message_of("prepare")
    shell:
        command("prepare")


rule radii:
    input:
        inputs("radii"),
    output:
        outputs("radii"),
    log:
        log_of("radii"),
    benchmark:
        benchmark_of("radii")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=4000,
    params:
        options=OPTIONS,
    message:
        message_of("radii")
    shell:
        command("radii")
