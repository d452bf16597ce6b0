rule table:
    input:
        inputs_of("table", "{table}"),
        plan=plan_of("table/{table}"),
    output:
        csv="results/tables/{table}.csv",
        md=report(
            "results/tables/{table}.md",
            category="F1 tables",
            labels={"table": "{table}"},
            caption="../report/table.rst",
        ),
        json="results/tables/{table}.json",
        svg=report(
            "results/tables/{table}.svg",
            category="F1 beside the study",
            labels={"table": "{table}"},
            caption="../report/figure.rst",
        ),
    log:
        "results/logs/table/{table}.log",
    wildcard_constraints:
        table=one_of([*GROUPS, "all"]),
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Gathering the scores of {wildcards.table}"
    shell:
        "metalstm stage table --plan {input.plan} 2>&1 | tee {log}"
