# From the network, a generator or the user's folder to a checked data set.


rule download:
    input:
        paths.params("download"),
        paths.code("download"),
    output:
        paths.source,
    log:
        log_of("download"),
    benchmark:
        benchmark_of("download")
    conda:
        "../../environment.yml"
    resources:
        runtime=1440,
    params:
        options=OPTIONS,
    message:
        "download: images and annotations"
    shell:
        "cornernet download {params.options} 2>&1 | tee -i {log}"


rule prepare:
    input:
        paths.source,
        paths.params("prepare"),
        paths.code("prepare"),
        graph.user_annotations(),
    output:
        paths.dataset,
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
        "prepare: checks the data set"
    shell:
        "cornernet prepare {params.options} 2>&1 | tee -i {log}"


rule radii:
    input:
        paths.dataset,
        paths.params("radii"),
        paths.code("radii"),
    output:
        paths.radii,
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
        "radii: penalty-reduction radius of every annotation"
    shell:
        "cornernet radii {params.options} 2>&1 | tee -i {log}"
