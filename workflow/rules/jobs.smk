"""What rules ask the plans."""


def plan_of(stage):
    """The path of the plan of a job of this stage, with the job's wildcards left open."""
    return f"results/plan/{stage}.json"


def inputs_of(stage, job):
    """The inputs of a job of this stage, from its plan; `job` is its name with wildcards."""
    return lambda wildcards: list(PLANS[f"{stage}/{job.format(**wildcards)}"].inputs.values())


def priority_of(stage, job):
    """Among the jobs that could run, which is started first; `job` is the job's name with wildcards."""
    return lambda wildcards: PRIORITIES[f"{stage}/{job.format(**wildcards)}"]


def hours(count):
    """The limit of a training in minutes, at each attempt longer: it goes on after its last whole epoch.

    The longest measured took 20 minutes for a corpus, 41 for a group and 16 for images (docs/cost.md).
    """
    return lambda wildcards, attempt: 60 * count * attempt


def one_of(names):
    """A wildcard that takes just these names; with none to take, it never matches."""
    return "|".join(map(re.escape, names)) or "(?!)"


def predictions(corpora):
    """The prediction files of a run on these corpora."""
    return expand(
        f"results/runs/{{{{setting}}}}/{{{{scope}}}}/{{{{cell}}}}/seed-{{{{seed}}}}/predictions/{{corpus}}.{{split}}.tsv",
        corpus=corpora,
        split=planning.SCORED_SPLITS,
    )


def weights(corpora):
    """The weights that a joint run has for each of these corpora."""
    return expand(
        "results/runs/{{setting}}/{{scope}}/{{cell}}/seed-{{seed}}/continued/{corpus}.safetensors",
        corpus=corpora,
    )
