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
    priority: priority_of("train", RUN)
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=2000,
        runtime=hours(1),
    message:
        "Training {wildcards.cell} on {wildcards.scope} ({wildcards.setting}, seed {wildcards.seed})"
    shell:
        "metalstm stage train --plan {input.plan} 2>&1 | tee {log}"


# One rule for each group and setting, since the files that it writes bear the names of the group's own corpora.
for setting, (group, members) in product(STUDY.settings.per_group, GROUPS.items()):

    rule:
        name:
            f"train_{setting.replace('-', '_')}__{group}"
        input:
            inputs_of("train", RUN),
            plan=plan_of(f"train/{RUN}"),
        output:
            FILES,
            predictions(members),
            weights(members) if setting == MTM_PLUS else [],
        log:
            f"results/logs/train/{RUN}.log",
        wildcard_constraints:
            setting=re.escape(setting),
            scope=re.escape(group),
        priority: priority_of("train", RUN)
        conda:
            "../envs/metalstm.yaml"
        resources:
            mem_mb=3000,
            runtime=hours(4),
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
    priority: priority_of("score", RUN)
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Scoring {wildcards.cell} on {wildcards.scope} ({wildcards.setting}, seed {wildcards.seed})"
    shell:
        "metalstm stage score --plan {input.plan} 2>&1 | tee {log}"
