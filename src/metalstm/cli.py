"""`metalstm`: the commands. Each imports what it needs when it runs, so that short ones stay short."""

import gc
import json
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

from metalstm import interruption, outcome, overwriting, threads
from metalstm.errors import UserError
from metalstm.wording import counted

app = typer.Typer(
    name="metalstm",
    help="Recurrent cells in BiRNN-CRF taggers for biomedical named entities: the study's stages and tools.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


Scheme = Literal["auto", "iob1", "iob2", "iobes"]
Format = Literal["tsv", "jsonl", "brat", "html"]


@app.command()
def plan(params: Annotated[Path, typer.Option(help="The study.")] = Path("params.yaml")) -> None:
    """Check params.yaml and write one plan for each job below results/plan."""
    from metalstm.plan import remarks
    from metalstm.plan import study as planning

    study, plans = planning.write(params)
    trainings = sum(plan.stage in ("train", "images") for plan in plans.values())
    print(
        f"{params}: {counted(len(plans), 'plan')} below {planning.PLANS}, among them {counted(trainings, 'training')}"
    )
    for remark in remarks.of(study, plans, params):
        print(remark)


@app.command()
def grid(
    cell: Annotated[str, typer.Argument(help="The cell, such as lstm.")],
    values: Annotated[
        list[str],
        typer.Argument(help="What is tried where: training.batch_size=10,16.", metavar="PLACE=VALUE,VALUE..."),
    ],
    params: Annotated[Path, typer.Option(help="The study.")] = Path("params.yaml"),
) -> None:
    """Write a variant of a cell for each combination of values into params.yaml, to be trained like a cell."""
    from metalstm import grid as grids

    for name in grids.add(params, cell, grids.parse(values)):
        print(name)


@app.command()
def stage(
    name: Annotated[
        str,
        typer.Argument(
            help="Its name: fetch, convert, join, text, vectors, coverage, language_model, contextual, "
            "gazetteer, train, score, dictionary, vote, table, images, accuracy.",
            metavar="STAGE",
        ),
    ],
    plan: Annotated[Path, typer.Option(help="The job's plan.")],
    if_read: Annotated[bool, typer.Option("--if-read", help="Make nothing that no training reads.")] = False,
) -> None:
    """Run one stage by its plan; nothing is done where everything is as it was left."""
    # Little of what a stage reads becomes garbage, and to look for that as often as Python does takes a tenth of it.
    gc.set_threshold(100_000)
    threads.use_one()
    interruption.end_in_order()
    from metalstm.stages.run import run

    try:
        if not run(name, plan, if_read=if_read):
            print(f"{plan}: nothing to do")
    except BrokenPipeError:  # whoever read the output is gone, and the work is not done
        raise SystemExit(128 + signal.SIGPIPE) from None


@app.command()
def convert(
    src: Annotated[Path, typer.Argument(help="Token and label a line; other columns between them are left out.")],
    dst: Annotated[Path, typer.Argument(help="Where to write.")],
    source: Annotated[Scheme, typer.Option("--from", help="Scheme of SRC.")] = "auto",
    target: Annotated[Literal["iob1", "iob2", "iobes"], typer.Option("--to", help="Scheme of DST.")] = "iobes",
) -> None:
    """Convert a file from one tag scheme to another."""
    from metalstm.corpora import columns, conversion

    overwriting.require_apart([src], [dst])
    notes = outcome.beside(dst)
    converted = conversion.read(src, source, target)
    columns.write(dst, converted.sentences)
    found, repaired = converted.source, counted(converted.repaired, "label")
    note = f"; repaired {repaired} that broke {found} (`metalstm check` says where)" if converted.repaired else ""
    print(f"{dst}: {counted(len(converted.sentences), 'sentence')}, {found} to {target}{note}", file=notes)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="Token TAB label a line.")],
    scheme: Annotated[Scheme, typer.Option(help="Scheme of the labels.")] = "auto",
) -> None:
    """Say what is wrong in a file, line by line; exit 1 if anything is."""
    from metalstm.corpora import check as checker

    problems = checker.check(file, None if scheme == "auto" else scheme)
    try:
        print("\n".join(checker.render(file, problem) for problem in problems) or f"{file}: no fault")
    finally:  # whether there is anyone to read the lines or not
        if problems:
            raise UserError(f"{file}: {counted(len(problems), 'fault')}")


@app.command()
def join(
    dst: Annotated[Path, typer.Argument(help="Folder for the joint corpus.")],
    corpora: Annotated[
        list[str], typer.Argument(help="NAME=DIR: a corpus and the folder of its files.", metavar="NAME=DIR...")
    ],
) -> None:
    """Join corpora into one, each sentence between the tags of its corpus; the labels must be IOBES."""
    from metalstm.corpora import joint_files

    for file, names in joint_files.join(joint_files.named(corpora), dst).items():
        print(f"{file}: {', '.join(names)}")


@app.command()
def strip(
    src: Annotated[Path, typer.Argument(help="A joint file, or a folder of them.")],
    dst: Annotated[
        Path, typer.Argument(help="Folder for the corpora; or, for one file, a .tsv for all its sentences.")
    ],
) -> None:
    """Take joint corpora apart again: DST/<corpus>/<file>, without task tags."""
    from metalstm.corpora import joint_files

    notes = outcome.beside(dst)
    for file, sentences in joint_files.split(src, dst).items():
        print(f"{file}: {counted(sentences, 'sentence')}", file=notes)


@app.command()
def evaluate(
    gold: Annotated[Path, typer.Argument(help="Token TAB label a line; of more columns the last counts.")],
    pred: Annotated[Path, typer.Argument(help="The same tokens with predicted labels; again the last column counts.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Score one file against another: strict, conlleval and the study's own way."""
    from metalstm.corpora import pairs
    from metalstm.scoring.scores import evaluate as score
    from metalstm.tables import scores as shown

    gold_labels, predicted_labels, note = pairs.read(gold, pred)
    result = score(gold_labels, predicted_labels).as_dict()
    if note:
        print(f"metalstm: {note}", file=sys.stderr)
    if as_json:
        print(json.dumps(result, indent=1, ensure_ascii=False))
    else:
        shown.terminal(result)


@app.command()
def tag(
    model: Annotated[Path, typer.Option(help="Folder of a trained run.")],
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help="Text, or a token a line with --tokens; standard input if none or `-`. Several with --format jsonl.",
            metavar="FILE",
        ),
    ] = None,
    format: Annotated[Format, typer.Option(help="Form of the output.")] = "tsv",
    corpus: Annotated[Optional[str], typer.Option(help="Which corpus an MTM model shall tag as.")] = None,  # noqa: UP045
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Each FILE has a token a line, blank lines between sentences.")
    ] = False,
    known: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A labelled file: the names that it labels nearly everywhere are labelled too."),
    ] = None,
    abbreviations: Annotated[
        bool, typer.Option("--abbreviations", help="Label an abbreviation as its long form is, or take it away.")
    ] = False,
    names: Annotated[
        bool, typer.Option("--names", help="Label a name that is found twice nearby at its other places too.")
    ] = False,
    out: Annotated[Optional[Path], typer.Option(help="Where to write; standard output if not given.")] = None,  # noqa: UP045
) -> None:
    """Tag text with a trained run: entities with character offsets."""
    # What is read stays until the end: looking for garbage among it takes a third of the time.
    gc.disable()
    threads.use_one()
    from metalstm.files import write_text
    from metalstm.tagging import documents, formats, inputs
    from metalstm.tagging.tag import load, tag_sentences, tag_text

    sources = [inputs.named(file) for file in files or ["-"]]
    formats.require_room(format, len(sources))
    overwriting.require_apart([*sources, known], [out])
    # Read before the model: a wrong file is told at once.
    token_lines = [inputs.read_token_lines(source) for source in sources] if tokens else []
    texts = [] if tokens else [inputs.read_text(source) for source in sources]
    known_names = None if known is None else inputs.read_known_names(known)

    tagger = load(model, corpus)
    tagged = [tag_text(tagger, text, corpus) for text in texts]
    tagged += [tag_sentences(tagger, sentences, corpus) for sentences in token_lines]
    evidence = partial(documents.with_evidence, known=known_names, abbreviations=abbreviations, names=names)
    rendered = "".join(formats.render(evidence(document), format) for document in tagged)
    if out is None:
        sys.stdout.write(rendered)
    else:
        write_text(out, rendered)
    # Nor is it looked for when the process ends.
    gc.freeze()


@app.command()
def errors(
    run: Annotated[Path, typer.Argument(help="Folder of a scored run.", metavar="RUN_DIR")],
    corpus: Annotated[Optional[str], typer.Option(help="Of which corpus; of all of the run if none.")] = None,  # noqa: UP045
    split: Annotated[Literal["devel", "test"], typer.Option(help="Test: for reports, never to choose by.")] = "devel",
    most: Annotated[int, typer.Option(help="How many names of each kind to show.", min=0)] = 20,
) -> None:
    """Say what is wrong in a run's predictions: how many errors of each kind, and the names that they are made on."""
    from metalstm.scoring import errors as scoring
    from metalstm.stages import finished, reports
    from metalstm.tables import wrong_names

    for name, sentences, labels in finished.predictions(run, split, corpus):
        tokens = [sentence.tokens for sentence in sentences[split]]
        wrong = scoring.find(tokens, [sentence.labels for sentence in sentences[split]], labels)
        before = scoring.earlier(scoring.forms(wrong), *reports.earlier(sentences, split))
        wrong_names.terminal(f"{name}, {split}", tokens, wrong, before, most=most)


@app.command()
def cells() -> None:
    """List the recurrent cells and their options."""
    from metalstm.nn.cells import REGISTRY

    for name, entry in REGISTRY.items():
        chosen = ", ".join(
            f"{key}: {field.get_default(call_default_factory=True)}"
            for key, field in entry.options.model_fields.items()
        )
        print(f"{name:<12} {chosen}")


@app.command()
def track(
    results: Annotated[Path, typer.Option(help="The folder that holds `runs`.")] = Path("results"),
    uri: Annotated[Optional[str], typer.Option(help="MLflow store; that of params.yaml if not given.")] = None,  # noqa: UP045
) -> None:
    """Send to MLflow what it does not have yet of the runs below results/runs."""
    from metalstm import tracking

    tracking.run_folders(results)  # a wrong folder is told as such, and not as one without tracking
    store = uri or tracking.Settings.read(results).uri
    if store is None:
        raise UserError("tracking is off in params.yaml (tracking.enabled) or no plan was written; name a store: --uri")
    counts = tracking.send_all(results, store)
    print(
        f"{store}: {counted(counts.sent, 'run')} sent, {counts.replaced} replaced, {counts.unchanged} there already, "
        f"{counts.unfinished} not finished"
    )


@app.command()
def keep(
    name: Annotated[str, typer.Argument(help="Its name below results/reference.")],
    study: Annotated[Path, typer.Option(help="The folder that the study was run in.")] = Path(),
) -> None:
    """Keep a study's params.yaml, the metrics of its finished runs and its tables in results/reference/NAME."""
    from metalstm.tables import reference

    folder = reference.place(name)
    kept = reference.keep(study, folder)
    new = counted(len(kept.new), "new run")
    print(f"{folder}: {new}, {len(kept.replaced)} replaced, {len(kept.unchanged)} as before")
    for run in kept.outdated:
        print(f"left out: {run}, trained with other parameters than params.yaml has, or not scored since; run it again")
    for vote in kept.outdated_votes:
        print(f"left out: {vote}, of other seeds, or of runs that are outdated, missing or trained again; run it anew")
    if kept.unfinished:
        print(f"runs and votes that are not finished: {len(kept.unfinished)}, {', '.join(kept.unfinished[:5])} first")
    for table in reference.tables(folder):
        print(table)


@app.command()
def gather(
    folder: Annotated[Path, typer.Argument(help="A kept study, such as results/reference/disease.")],
) -> None:
    """Make the tables of a kept study anew from its params.yaml and metrics; nothing else is read."""
    from metalstm.tables import reference

    for table in reference.tables(folder):
        print(table)


@app.command()
def targets(
    folder: Annotated[Path, typer.Argument(help="A kept study, such as results/reference/disease.")],
) -> None:
    """Name the runs of a kept study, for `snakemake` to train these and no others."""
    from metalstm.tables import reference

    print("\n".join(reference.targets(folder)))


@app.command()
def show(
    table: Annotated[Path, typer.Argument(help="A table of results/tables.")] = Path("results/tables/all.csv"),
) -> None:
    """Print an F1 table, with that of all corpora what it cost; or just choices.csv, cost.csv or errors.csv."""
    from metalstm.tables.show import show as print_table

    print_table(table)


def main() -> None:
    """Run a command; a user's mistake ends in one line and exit code 1."""
    outcome.open_output()
    code = outcome.of(lambda: app(standalone_mode=False))
    # What is left may find no reader; at exit Python would complain of that.
    sys.exit(outcome.of(sys.stdout.flush) or code)
