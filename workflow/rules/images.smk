IMAGES_RUN = "images/{images}/{variant}/seed-{seed}"

# One rule for each set, since its files keep the names that they were published under.
for images in STUDY.images.sets:

    rule:
        name:
            f"fetch_{images}"
        input:
            plan=plan_of(f"fetch/{images}"),
        output:
            list(PLANS[f"fetch/{images}"].outputs.values()),
        log:
            f"results/logs/fetch/{images}.log",
        priority: priority_of("fetch", images)
        conda:
            "../envs/metalstm.yaml"
        resources:
            mem_mb=300,
            runtime=30,
        message:
            f"Fetching {images}"
        shell:
            "metalstm stage fetch --plan {input.plan} 2>&1 | tee {log}"


rule images:
    input:
        inputs_of("images", IMAGES_RUN.removeprefix("images/")),
        plan=plan_of(IMAGES_RUN),
    output:
        [f"results/runs/{IMAGES_RUN}/{name}" for name in image_plans.RUN_FILES],
    log:
        f"results/logs/{IMAGES_RUN}.log",
    priority: priority_of("images", IMAGES_RUN.removeprefix("images/"))
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=1500,
        runtime=hours(1),
    message:
        "Training {wildcards.variant} on {wildcards.images}, row by row (seed {wildcards.seed})"
    shell:
        "metalstm stage images --plan {input.plan} 2>&1 | tee {log}"


rule accuracy:
    input:
        inputs_of("accuracy", "{images}"),
        plan=plan_of("accuracy/{images}"),
    output:
        csv="results/tables/{images}.csv",
        md=report(
            "results/tables/{images}.md",
            category="Accuracy tables",
            labels={"table": "{images}"},
            caption="../report/accuracy.rst",
        ),
        json="results/tables/{images}.json",
        svg=report(
            "results/tables/{images}.svg",
            category="Learning curves",
            labels={"table": "{images}"},
            caption="../report/curves.rst",
        ),
    log:
        "results/logs/accuracy/{images}.log",
    priority: priority_of("accuracy", "{images}")
    conda:
        "../envs/metalstm.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Gathering the accuracies on {wildcards.images}"
    shell:
        "metalstm stage accuracy --plan {input.plan} 2>&1 | tee {log}"
