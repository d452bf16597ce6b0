rule dictionary:
    input:
        inputs_of("dictionary", "{corpus}"),
        plan=plan_of("dictionary/{corpus}"),
    output:
        "results/runs/dictionary/{corpus}/metrics.json",
    log:
        "results/logs/dictionary/{corpus}.log",
    priority: priority_of("dictionary", "{corpus}")
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Scoring a dictionary of the train mentions of {wildcards.corpus}"
    shell:
        "metalstm stage dictionary --plan {input.plan} 2>&1 | tee {log}"


rule vote:
    input:
        inputs_of("vote", "{setting}/{scope}"),
        plan=plan_of("vote/{setting}/{scope}"),
    output:
        "results/runs/{setting}-vote/{scope}/metrics.json",
    log:
        "results/logs/vote/{setting}/{scope}.log",
    wildcard_constraints:
        scope=one_of([*STUDY.corpora, *GROUPS]),
    priority: priority_of("vote", "{setting}/{scope}")
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Letting the seeds of {wildcards.setting} vote on {wildcards.scope}"
    shell:
        "metalstm stage vote --plan {input.plan} 2>&1 | tee {log}"


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
        table=one_of(GROUPS),
    priority: priority_of("table", "{table}")
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Gathering the scores of {wildcards.table}"
    shell:
        "metalstm stage table --plan {input.plan} 2>&1 | tee {log}"


rule table_all:
    input:
        inputs_of("table", "all"),
        plan=plan_of("table/all"),
    output:
        csv="results/tables/all.csv",
        md=report(
            "results/tables/all.md",
            category="F1 tables",
            labels={"table": "all"},
            caption="../report/all.rst",
        ),
        json="results/tables/all.json",
        svg=report(
            "results/tables/all.svg",
            category="F1 beside the study",
            labels={"table": "all"},
            caption="../report/figure.rst",
        ),
        choices_csv="results/tables/choices.csv",
        choices_md=report(
            "results/tables/choices.md",
            category="Choices",
            labels={"table": "choices"},
            caption="../report/choices.rst",
        ),
        cost_csv="results/tables/cost.csv",
        cost_md=report(
            "results/tables/cost.md",
            category="Cost",
            labels={"table": "cost"},
            caption="../report/cost.rst",
        ),
        errors_csv="results/tables/errors.csv",
        errors_md=report(
            "results/tables/errors.md",
            category="Errors",
            labels={"table": "errors"},
            caption="../report/errors.rst",
        ),
    log:
        "results/logs/table/all.log",
    priority: priority_of("table", "all")
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Gathering the scores, choices, cost and errors of all corpora"
    shell:
        "metalstm stage table --plan {input.plan} 2>&1 | tee {log}"
