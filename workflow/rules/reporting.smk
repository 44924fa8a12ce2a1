# From metrics to the paper's tables, figures, judged claims and the page.


rule tables:
    input:
        inputs("tables"),
    output:
        in_report(outputs("tables"), "table", "Tables"),
    log:
        log_of("tables"),
    benchmark:
        benchmark_of("tables")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=8000,
    params:
        options=OPTIONS,
    message:
        message_of("tables")
    shell:
        command("tables")


rule figures:
    input:
        inputs("figures"),
    output:
        report(
            directory(paths.figures),
            patterns=["{name}.svg"],
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{name}"},
        ),
    log:
        log_of("figures"),
    benchmark:
        benchmark_of("figures")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=8000,
    params:
        options=OPTIONS,
    message:
        message_of("figures")
    shell:
        command("figures")


rule claims:
    input:
        inputs("claims"),
    output:
        in_report(outputs("claims"), "claims", "Claims"),
    log:
        log_of("claims"),
    benchmark:
        benchmark_of("claims")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
    params:
        options=OPTIONS,
    message:
        message_of("claims")
    shell:
        command("claims")


rule report:
    input:
        inputs("report"),
    output:
        in_report(outputs("report"), "page", "Page"),
    log:
        log_of("report"),
    benchmark:
        benchmark_of("report")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
    params:
        options=OPTIONS,
    message:
        message_of("report")
    shell:
        command("report")
