# From metrics to the paper's tables, figures, judged claims and the page.


rule tables:
    input:
        paths.dataset,
        [paths.metrics(tested) for tested in graph.tested],
        [paths.detections(tested) for tested in graph.tested],
        [paths.corners(trained) for trained in graph.with_corners],
        "params/literature.yaml",
        paths.params("tables"),
        paths.code("tables"),
    output:
        paths.results,
        paths.differences,
        report(
            paths.corner_scores,
            caption="../report/corners.rst",
            category="Tables",
            labels={"table": "corners by quadrant", "format": "csv"},
        ),
        [
            report(
                paths.table(number, suffix),
                caption="../report/table.rst",
                category="Tables",
                labels={"table": f"Table {number}", "format": suffix},
            )
            for number in (1, 2, 3, 4)
            for suffix in ("md", "csv")
        ],
        [paths.table(number, "tex") for number in (1, 2, 3, 4)],
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
        "tables: the paper's tables from this run"
    shell:
        "cornernet tables {params.options} 2>&1 | tee -i {log}"


rule figures:
    input:
        paths.dataset,
        paths.radii,
        paths.results,
        [paths.history(trained) for trained in graph.trained],
        [paths.weights(trained) for trained in graph.trained + graph.imported],
        [paths.detections(tested) for tested in graph.tested],
        [paths.corners(trained) for trained in graph.with_corners],
        paths.params("figures"),
        paths.code("figures"),
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
        "figures: training, radii, precision and recall, examples"
    shell:
        "cornernet figures {params.options} 2>&1 | tee -i {log}"


rule claims:
    input:
        paths.results,
        paths.differences,
        "params/claims.yaml",
        paths.params("claims"),
        paths.code("claims"),
    output:
        report(
            paths.claims,
            caption="../report/claims.rst",
            category="Claims",
            labels={"file": "the paper's claims, judged"},
        ),
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
        "claims: the paper's claims, judged"
    shell:
        "cornernet claims {params.options} 2>&1 | tee -i {log}"


rule report:
    input:
        paths.dataset,
        paths.claims,
        paths.results,
        paths.differences,
        paths.corner_scores,
        [paths.table(number, "csv") for number in (1, 2, 3, 4)],
        paths.figures,
        [paths.weights(trained) for trained in graph.trained + graph.imported],
        paths.params("report"),
        paths.code("report"),
    output:
        report(
            paths.page,
            caption="../report/page.rst",
            category="Page",
            labels={"file": "the whole report"},
        ),
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
        "report: the page"
    shell:
        "cornernet report {params.options} 2>&1 | tee -i {log}"
