rule fetch:
    input:
        plan=plan_of("fetch/{corpus}"),
    output:
        expand("data/raw/{{corpus}}/{split}.tsv", split=planning.SPLITS),
    log:
        "results/logs/fetch/{corpus}.log",
    priority: priority_of("fetch", "{corpus}")
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=300,
        runtime=30,
    message:
        "Fetching {wildcards.corpus}"
    shell:
        "metalstm stage fetch --plan {input.plan} 2>&1 | tee {log}"


rule convert:
    input:
        inputs_of("convert", "{corpus}"),
        plan=plan_of("convert/{corpus}"),
    output:
        expand("data/iobes/{{corpus}}/{split}.tsv", split=planning.SPLITS),
    log:
        "results/logs/convert/{corpus}.log",
    priority: priority_of("convert", "{corpus}")
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    message:
        "Converting {wildcards.corpus} to IOBES"
    shell:
        "metalstm stage convert --plan {input.plan} 2>&1 | tee {log}"


rule join:
    input:
        inputs_of("join", "{group}"),
        plan=plan_of("join/{group}"),
    output:
        expand("data/joint/{{group}}/{split}.tsv", split=planning.SPLITS),
    log:
        "results/logs/join/{group}.log",
    priority: priority_of("join", "{group}")
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Joining the corpora of {wildcards.group}, each sentence between the tags of its corpus"
    shell:
        "metalstm stage join --plan {input.plan} 2>&1 | tee {log}"
