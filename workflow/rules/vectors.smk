rule text:
    input:
        inputs_of("text", "sentences"),
        plan=plan_of("text/sentences"),
    output:
        **vector_plans.TEXT,
    log:
        "results/logs/text/sentences.log",
    priority: priority_of("text", "sentences")
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=2000,
        runtime=120,
    message:
        "Gathering the text that word vectors learn from"
    shell:
        "metalstm stage text --plan {input.plan} 2>&1 | tee {log}"


rule vectors:
    input:
        inputs_of("vectors", "words"),
        plan=plan_of("vectors/words"),
    output:
        **planning.VECTORS,
    log:
        "results/logs/vectors/words.log",
    priority: priority_of("vectors", "words")
    conda:
        "../envs/metalstm.yaml"
    threads: STUDY.vectors.workers
    resources:
        mem_mb=3000,
        runtime=240,
    message:
        "Learning word vectors"
    shell:
        "metalstm stage vectors --plan {input.plan} 2>&1 | tee {log}"


rule language_model:
    input:
        inputs_of("language_model", "{language_model}"),
        plan=plan_of("language_model/{language_model}"),
    output:
        **planning.language_model("{language_model}"),
    log:
        "results/logs/language_model/{language_model}.log",
    wildcard_constraints:
        language_model=one_of(STUDY.language_models),
    priority: priority_of("language_model", "{language_model}")
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=2000,
        runtime=120,
    message:
        "Learning the language model {wildcards.language_model}"
    shell:
        "metalstm stage language_model --plan {input.plan} 2>&1 | tee {log}"


rule contextual:
    input:
        inputs_of("contextual", "{language_model}/{corpus}"),
        plan=plan_of("contextual/{language_model}/{corpus}"),
    output:
        **planning.contextual("{language_model}", "{corpus}"),
    log:
        "results/logs/contextual/{language_model}/{corpus}.log",
    wildcard_constraints:
        language_model=one_of(STUDY.language_models),
    priority: priority_of("contextual", "{language_model}/{corpus}")
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=1500,
        runtime=30,
    message:
        "Reading {wildcards.corpus} with the language model {wildcards.language_model}"
    shell:
        "metalstm stage contextual --plan {input.plan} 2>&1 | tee {log}"


rule gazetteer:
    input:
        plan=plan_of("gazetteer/{gazetteer}"),
    output:
        **planning.gazetteer("{gazetteer}"),
    log:
        "results/logs/gazetteer/{gazetteer}.log",
    wildcard_constraints:
        gazetteer=one_of(STUDY.gazetteers),
    priority: priority_of("gazetteer", "{gazetteer}")
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    message:
        "Reading the list of names {wildcards.gazetteer}"
    shell:
        "metalstm stage gazetteer --plan {input.plan} 2>&1 | tee {log}"


rule coverage:
    input:
        inputs_of("coverage", "words"),
        plan=plan_of("coverage/words"),
    output:
        **vector_plans.COVERAGE,
    log:
        "results/logs/coverage/words.log",
    priority: priority_of("coverage", "words")
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    message:
        "Counting what the word vectors cover"
    shell:
        "metalstm stage coverage --plan {input.plan} 2>&1 | tee {log}"
