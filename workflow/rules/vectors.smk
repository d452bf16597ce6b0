rule vectors:
    input:
        inputs_of("vectors", "words"),
        plan=plan_of("vectors/words"),
    output:
        **planning.VECTORS,
    log:
        "results/logs/vectors/words.log",
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
