RUN = "{setting}/{scope}/{cell}/seed-{seed}"
FOLDER = f"results/runs/{RUN}"
FILES = [f"{FOLDER}/{name}" for name in planning.MODEL_FILES]


rule train_stm:
    input:
        inputs_of("train", RUN),
        plan=plan_of(f"train/{RUN}"),
    output:
        FILES,
        predictions("{scope}"),
    log:
        f"results/logs/train/{RUN}.log",
    wildcard_constraints:
        setting=one_of(STUDY.settings.per_corpus),
        scope=one_of(STUDY.corpora),
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=2000,
        runtime=720,
    message:
        "Training {wildcards.cell} on {wildcards.scope} ({wildcards.setting}, seed {wildcards.seed})"
    shell:
        "metalstm stage train --plan {input.plan} 2>&1 | tee {log}"


# One rule for each group, since the files that it writes bear the names of the group's own corpora.
for group, members in GROUPS.items():

    rule:
        name:
            f"train_mtm_{group}"
        input:
            inputs_of("train", RUN),
            plan=plan_of(f"train/{RUN}"),
        output:
            FILES,
            predictions(members),
        log:
            f"results/logs/train/{RUN}.log",
        wildcard_constraints:
            setting=one_of(STUDY.settings.per_group),
            scope=re.escape(group),
        conda:
            "../envs/metalstm.yaml"
        resources:
            mem_mb=3000,
            runtime=1440,
        message:
            "Training {wildcards.cell} on the group {wildcards.scope} ({wildcards.setting}, seed {wildcards.seed})"
        shell:
            "metalstm stage train --plan {input.plan} 2>&1 | tee {log}"


rule score:
    input:
        inputs_of("score", RUN),
        plan=plan_of(f"score/{RUN}"),
    output:
        f"{FOLDER}/metrics.json",
    log:
        f"results/logs/score/{RUN}.log",
    wildcard_constraints:
        scope=one_of([*STUDY.corpora, *GROUPS]),
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Scoring {wildcards.cell} on {wildcards.scope} ({wildcards.setting}, seed {wildcards.seed})"
    shell:
        "metalstm stage score --plan {input.plan} 2>&1 | tee {log}"
