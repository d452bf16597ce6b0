import json
from pathlib import Path
from typing import Any

import pytest

from metalstm.errors import UserError
from metalstm.files import sha256
from metalstm.scoring.evidence import KINDS
from metalstm.scoring.scores import evaluate
from metalstm.tables import csv_file, reference
from metalstm.tables.rows import Row

GOLD = [["S-Disease", "O"], ["O", "S-Disease"]]
PARAMS = """\
corpora: [mine, other]
groups: {both: [mine, other], rest: [left-out]}
settings: {per_corpus: [stm], per_group: [mtm]}
cells: [lstm]
a key of another version: 3
"""
RUNS = ("stm/mine/lstm/seed-1", "stm/other/lstm/seed-1", "mtm/both/lstm/seed-1")


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def metrics(name: str, epochs: int = 3) -> dict[str, Any]:
    setting, scope, cell, _ = name.split("/")
    corpora = ["mine", "other"] if setting == "mtm" else [scope]
    return {
        "run": {"setting": setting, "scope": scope, "cell": cell, "seed": 1, "corpora": corpora},
        "scores": {corpus: {"test": evaluate(GOLD, GOLD).as_dict()} for corpus in corpora},
        "plan": {"training": {"epochs": epochs, "option of that time": 1}, "code": "0"},
    }


def dictionary(corpus: str) -> dict[str, Any]:
    return {
        "run": {"setting": "dictionary", "scope": corpus, "cell": "-", "seeds": [], "corpora": [corpus]},
        "scores": {corpus: {"test": evaluate(GOLD, GOLD).as_dict()}},
    }


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of three runs, one of which has no scores yet."""
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "params.yaml").write_text(PARAMS, encoding="utf-8")
    table = {"job": "table/all", "inputs": {name: f"results/runs/{name}/metrics.json" for name in RUNS}}
    write(folder / "results/plan/table/all.json", table)
    for name in RUNS:
        parameters = {"training": {"epochs": 3, "new option": 2}}
        write(folder / f"results/plan/train/{name}.json", {"job": f"train/{name}", "parameters": parameters})
    for name in RUNS[:2]:
        write(folder / f"results/runs/{name}/metrics.json", metrics(name))
    return folder


def test_finished_runs_are_kept_once_and_what_was_there_stays(study: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    write(kept / "runs/stm/mine/rnn/seed-1.json", metrics("stm/mine/rnn/seed-1"))
    first = reference.keep(study, kept)
    assert (first.new, first.unfinished) == (list(RUNS[:2]), [RUNS[2]])
    assert (kept / "params.yaml").read_text("utf-8") == PARAMS
    assert (kept / "runs/stm/mine/rnn/seed-1.json").is_file()

    write(study / f"results/runs/{RUNS[0]}/metrics.json", metrics(RUNS[0]) | {"wall_seconds": 2})
    second = reference.keep(study, kept)
    assert (second.new, second.replaced, second.unchanged) == ([], [RUNS[0]], [RUNS[1]])
    assert json.loads((kept / f"runs/{RUNS[0]}.json").read_text("utf-8"))["wall_seconds"] == 2


def test_a_run_of_other_parameters_is_not_kept(study: Path, tmp_path: Path) -> None:
    write(study / f"results/runs/{RUNS[0]}/metrics.json", metrics(RUNS[0], epochs=9))
    older = tmp_path / f"kept/runs/{RUNS[0]}.json"
    write(older, metrics(RUNS[0]))
    kept = reference.keep(study, tmp_path / "kept")
    assert (kept.outdated, kept.new) == ([RUNS[0]], [RUNS[1]])
    assert not older.exists()


def test_a_run_that_is_not_scored_yet_does_not_stay_beside_other_parameters(study: Path, tmp_path: Path) -> None:
    older = tmp_path / f"kept/runs/{RUNS[2]}.json"
    for epochs in (3, 9):
        write(older, metrics(RUNS[2], epochs))
        assert reference.keep(study, tmp_path / "kept").unfinished == [RUNS[2]]
        assert older.exists() == (epochs == 3)


def test_params_are_kept_as_they_were_when_the_plans_were_made(study: Path, tmp_path: Path) -> None:
    (study / "results/plan/params.yaml").write_text(PARAMS, encoding="utf-8")
    (study / "params.yaml").write_text(PARAMS.replace("3", "4"), encoding="utf-8")
    reference.keep(study, tmp_path / "kept")
    assert (tmp_path / "kept/params.yaml").read_text("utf-8") == PARAMS


def test_scores_of_other_predictions_than_are_there_are_not_kept(study: Path, tmp_path: Path) -> None:
    vote = "stm-vote/mine"
    inputs = {name: f"results/runs/{name}/metrics.json" for name in (vote, RUNS[0])}
    write(study / "results/plan/table/all.json", {"job": "table/all", "inputs": inputs})
    run = {"setting": "stm-vote", "scope": "mine", "cell": "lstm", "seeds": [1], "corpora": ["mine"]}
    write(study / f"results/runs/{vote}/metrics.json", [{"run": run, "scores": {}}])
    predictions = study / "predictions.tsv"
    predictions.write_text("a\tO\tO\n\n")
    noted = {"inputs": {"predictions.tsv": sha256(predictions), "gone.tsv": "0"}}
    write(study / "results/manifest/vote/stm/mine.json", noted)
    write(study / f"results/manifest/score/{RUNS[0]}.json", noted)
    assert reference.keep(study, tmp_path / "kept").new == [RUNS[0], vote]

    predictions.write_text("a\tO\tS-D\n\n")
    write(study / f"results/manifest/score/{RUNS[0]}.json", {})
    kept = reference.keep(study, tmp_path / "kept")
    assert (kept.unchanged, kept.outdated_votes) == ([RUNS[0]], [vote])
    write(study / f"results/manifest/score/{RUNS[0]}.json", noted)
    assert reference.keep(study, tmp_path / "kept").outdated == [RUNS[0]]


@pytest.mark.parametrize("said", [None, {"mine": {}}, {"mine": {"chosen_by": "devel", "kinds": []}}, []])
def test_scores_that_do_not_say_what_evidence_they_used_are_not_kept(study: Path, tmp_path: Path, said: Any) -> None:
    write(study / f"results/plan/score/{RUNS[0]}.json", {"job": "score", "parameters": {"evidence": None}})
    write(study / f"results/runs/{RUNS[0]}/metrics.json", metrics(RUNS[0]) | {"evidence": said})
    if said:
        with pytest.raises(UserError, match=r"metrics\.json: not a run's metrics"):
            reference.keep(study, tmp_path / "kept")
    else:
        assert reference.keep(study, tmp_path / "kept").outdated == [RUNS[0]]


def test_a_run_on_vectors_of_other_parameters_is_not_kept(study: Path, tmp_path: Path) -> None:
    def plan(job: str, read: list[str], made: list[str], **parameters: int) -> dict[str, Any]:
        files = {"inputs": {path: path for path in read}, "outputs": {path: path for path in made}}
        return {"job": job, "parameters": parameters} | files

    write(study / "results/plan/text/sentences.json", plan("text/sentences", [], ["text"], learned=1))
    write(study / "results/plan/vectors/words.json", plan("vectors/words", ["text"], ["vectors"], epochs=5))
    write(study / f"results/plan/train/{RUNS[0]}.json", plan(f"train/{RUNS[0]}", ["vectors"], ["model"]))
    for noted, outdated in (({}, []), ({"learned": 1}, []), ({"learned": 2}, [RUNS[0]])):
        write(study / "results/manifest/text/sentences.json", {"parameters": noted} if noted else {"plan": "of old"})
        assert reference.keep(study, tmp_path / "kept").outdated == outdated
    write(study / "results/manifest/text/sentences.json", {"parameters": {"learned": 1}})
    write(study / "results/manifest/vectors/words.json", {"parameters": {"epochs": 15}})
    assert reference.keep(study, tmp_path / "kept").outdated == [RUNS[0]]
    (study / "results/manifest/vectors/words.json").write_text('{"parameters":')
    assert reference.keep(study, tmp_path / "kept").outdated == []


CORPUS = {"sources": {"train": {"url": None, "path": "a.tsv", "blob": "1"}}, "licence": "free"}
"""What `fetch` and, of the rest, `convert` are told of a corpus."""


@pytest.mark.parametrize(
    ("stage", "noted", "is_outdated"),
    [
        ("fetch", CORPUS, False),
        ("fetch", CORPUS | {"licence": "free, says its new page"}, False),
        ("fetch", {"sources": {"train": CORPUS["sources"]["train"] | {"path": "moved/a.tsv"}}}, False),
        ("fetch", {"sources": {"train": CORPUS["sources"]["train"] | {"blob": "2"}}}, True),
        ("fetch", {"sources": {"train": CORPUS["sources"]["train"] | {"path": "b.tsv", "blob": None}}}, True),
        ("fetch", {}, False),
        ("convert", {"scheme": "iob1", "columns": {"label": 1}}, False),
        ("convert", {"scheme": "iob2", "columns": {"label": 1}}, True),
        ("convert", {"scheme": "iob1", "columns": {"label": 2}}, True),
    ],
)
def test_what_is_of_a_corpus_fetched_or_converted_otherwise_is_not_kept(
    study: Path, tmp_path: Path, stage: str, noted: dict[str, Any], is_outdated: bool
) -> None:
    of_dictionary = "dictionary/mine"
    chain = {
        "fetch/mine": ([], CORPUS),
        "convert/mine": (["fetch/mine"], {"scheme": "iob1", "columns": {"label": 1}}),
        "join/both": (["convert/mine"], {}),
        f"train/{RUNS[0]}": (["convert/mine"], {}),
        f"train/{RUNS[2]}": (["join/both"], {}),
        of_dictionary: (["convert/mine"], {}),
    }
    for job, (read, parameters) in chain.items():
        files = {"inputs": {path: path for path in read}, "outputs": {job: job}}
        write(study / f"results/plan/{job}.json", {"job": job, "parameters": parameters} | files)
    names = [of_dictionary, *RUNS]
    table = {"job": "table/all", "inputs": {name: f"results/runs/{name}/metrics.json" for name in names}}
    write(study / "results/plan/table/all.json", table)
    write(study / f"results/runs/{of_dictionary}/metrics.json", dictionary("mine"))
    write(study / f"results/runs/{RUNS[2]}/metrics.json", metrics(RUNS[2]))
    write(study / f"results/manifest/{stage}/mine.json", {"parameters": noted})
    kept = reference.keep(study, tmp_path / "kept")
    read_it = {of_dictionary, RUNS[0], RUNS[2]}
    assert set(kept.outdated) == (read_it if is_outdated else set())
    assert set(kept.new) == {*names} - set(kept.outdated)


def test_a_run_that_looked_for_the_names_of_another_list_is_not_kept(study: Path, tmp_path: Path) -> None:
    names = {"job": "gazetteer/species", "outputs": {"names": "names"}}
    write(study / "results/plan/gazetteer/species.json", names | {"parameters": {"files": ["new.txt"]}})
    write(study / f"results/plan/train/{RUNS[0]}.json", {"job": f"train/{RUNS[0]}", "inputs": {"names": "names"}})
    for noted, outdated in (("new.txt", []), ("old.txt", [RUNS[0]])):
        write(study / "results/manifest/gazetteer/species.json", {"parameters": {"files": [noted]}})
        assert reference.keep(study, tmp_path / "kept").outdated == outdated


@pytest.mark.parametrize(("planned", "made_by"), [({"hyper_size": 50}, {}), ({}, {"hyper_size": 50})])
def test_an_option_of_the_cell_that_only_one_names_is_a_difference(
    study: Path, tmp_path: Path, planned: dict[str, int], made_by: dict[str, int]
) -> None:
    plan = {"job": f"train/{RUNS[0]}", "parameters": {"tagger": {"cell_options": planned, "crf": True}}}
    write(study / f"results/plan/train/{RUNS[0]}.json", plan)
    content = metrics(RUNS[0]) | {"plan": {"tagger": {"cell_options": made_by}}}
    write(study / f"results/runs/{RUNS[0]}/metrics.json", content)
    assert reference.keep(study, tmp_path / "kept").outdated == [RUNS[0]]
    content["plan"] = {"tagger": {"cell_options": planned}}
    write(study / f"results/runs/{RUNS[0]}/metrics.json", content)
    assert reference.keep(study, tmp_path / "kept").new == [RUNS[0]]


NAMES_ALONE = {"names": {"used": True}}
TWO_KINDS = {"abbreviations": {"used": False}, "names": {"used": True}}
ALL_KINDS = {kind: {"used": kind == "names"} for kind in KINDS}


@pytest.mark.parametrize(
    ("planned", "made", "is_kept"),
    [
        (None, {"chosen_by": "devel", "kinds": ALL_KINDS}, True),
        (None, {"chosen_by": "params", "kinds": ALL_KINDS}, False),
        (None, {"chosen_by": "devel", "kinds": TWO_KINDS}, False),
        (None, {"chosen_by": "devel", "kinds": NAMES_ALONE}, False),
        ({"known": [], "abbreviations": [], "names": ["mine"]}, {"chosen_by": "devel", "kinds": NAMES_ALONE}, False),
        ({"abbreviations": [], "names": ["mine"]}, {"chosen_by": "params", "kinds": TWO_KINDS}, True),
        ({"abbreviations": [], "names": ["mine"]}, {"chosen_by": "devel", "kinds": TWO_KINDS}, False),
        ({"abbreviations": [], "names": []}, {"chosen_by": "params", "kinds": TWO_KINDS}, False),
        ({"known": [], "abbreviations": [], "names": ["mine"]}, {"chosen_by": "params", "kinds": TWO_KINDS}, True),
        ({"known": ["mine"], "abbreviations": [], "names": []}, {"chosen_by": "params", "kinds": TWO_KINDS}, False),
    ],
)
def test_scores_with_other_evidence_are_not_kept(
    study: Path, tmp_path: Path, planned: dict[str, list[str]] | None, made: dict[str, Any], is_kept: bool
) -> None:
    write(study / f"results/plan/score/{RUNS[0]}.json", {"job": "score", "parameters": {"evidence": planned}})
    content = metrics(RUNS[0])
    content["evidence"] = {"mine": {**made, "scores": content["scores"]["mine"]}}
    write(study / f"results/runs/{RUNS[0]}/metrics.json", content)
    assert (RUNS[0] in reference.keep(study, tmp_path / "kept").new) == is_kept


def test_a_run_on_vectors_that_have_been_made_anew_is_not_kept(study: Path, tmp_path: Path) -> None:
    vectors = study / "words.bin"
    vectors.write_text("old")
    noted = {"inputs": {"words.bin": sha256(vectors)}}
    write(study / f"results/manifest/train/{RUNS[0]}.json", noted)
    assert reference.keep(study, tmp_path / "kept").new == list(RUNS[:2])
    vectors.write_text("newer")
    assert reference.keep(study, tmp_path / "kept").outdated == [RUNS[0]]


def test_a_dictionary_of_another_file_is_not_kept(study: Path, tmp_path: Path) -> None:
    inputs = {"mine": "results/runs/dictionary/mine/metrics.json"}
    write(study / "results/plan/table/all.json", {"job": "table/all", "inputs": inputs})
    write(study / inputs["mine"], dictionary("mine"))
    test = study / "test.tsv"
    test.write_text("a\tO\n\n")
    write(study / "results/manifest/dictionary/mine.json", {"inputs": {"test.tsv": sha256(test)}})
    assert reference.keep(study, tmp_path / "kept").new == ["dictionary/mine"]
    test.write_text("another\tO\n\n")
    assert reference.keep(study, tmp_path / "kept").outdated == ["dictionary/mine"]


def test_a_vote_of_fewer_seeds_than_the_study_has_is_not_kept(study: Path, tmp_path: Path) -> None:
    vote = "stm-vote/mine"
    inputs = {name: f"results/runs/{name}/metrics.json" for name in (vote, RUNS[0])}
    write(study / "results/plan/table/all.json", {"job": "table/all", "inputs": inputs})
    run = {"setting": "stm-vote", "scope": "mine", "cell": "lstm", "seeds": [1], "corpora": ["mine"]}
    write(study / f"results/runs/{vote}/metrics.json", [{"run": run, "scores": {}}])
    for seeds, outdated in (([1], []), ([1, 2], [vote])):
        plan = {"job": "vote/stm/mine", "parameters": {"seeds": seeds}}
        write(study / "results/plan/vote/stm/mine.json", plan)
        assert reference.keep(study, tmp_path / "kept").outdated_votes == outdated


def test_a_vote_is_kept_with_all_runs_that_voted_alone(study: Path, tmp_path: Path) -> None:
    vote = "stm-vote/mine"
    voters = [f"stm/mine/lstm/seed-{seed}" for seed in (1, 2)]
    # The table names the vote before its runs.
    inputs = {name: f"results/runs/{name}/metrics.json" for name in (vote, *voters)}
    write(study / "results/plan/table/all.json", {"job": "table/all", "inputs": inputs})
    run = {"setting": "stm-vote", "scope": "mine", "cell": "lstm", "seeds": [1, 2], "corpora": ["mine"]}
    write(study / f"results/runs/{vote}/metrics.json", [{"run": run, "scores": {}}])
    first = reference.keep(study, tmp_path / "first")
    assert (first.new, first.unfinished, first.outdated_votes) == (voters[:1], voters[1:], [vote])

    write(study / f"results/runs/{voters[1]}/metrics.json", metrics(voters[1]))
    second = reference.keep(study, tmp_path / "first")
    assert (second.new, second.unchanged, second.outdated_votes) == ([voters[1], vote], voters[:1], [])

    write(study / f"results/runs/{voters[0]}/metrics.json", metrics(voters[0], epochs=9))
    third = reference.keep(study, tmp_path / "second")
    assert (third.new, third.outdated, third.outdated_votes) == (voters[1:], voters[:1], [vote])


def test_tables_are_made_from_what_was_kept_alone(study: Path, tmp_path: Path) -> None:
    write(study / f"results/runs/{RUNS[2]}/metrics.json", metrics(RUNS[2]))
    folder = tmp_path / "kept"
    reference.keep(study, folder)
    written = reference.tables(folder)
    assert [path.name for path in written] == ["both.csv", "all.csv"]
    rows = csv_file.read(folder / "tables/both.csv", Row)
    assert [(row.corpus, row.setting, row.group) for row in rows] == [
        ("mine", "stm", "both"),
        ("mine", "mtm", "both"),
        ("other", "stm", "both"),
        ("other", "mtm", "both"),
    ]
    assert "Left out: left-out," in (folder / "tables/all.md").read_text(encoding="utf-8")
    assert "Left out" not in (folder / "tables/both.md").read_text(encoding="utf-8")
    before = {path.name: path.read_bytes() for path in (folder / "tables").iterdir()}
    (folder / "runs/stm/mine/lstm/.node.123.seed-1.json").write_text("not finished", encoding="utf-8")
    reference.tables(folder)
    assert {path.name: path.read_bytes() for path in (folder / "tables").iterdir()} == before


def test_what_was_kept_can_be_asked_for_again(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    reference.keep(study, folder)
    write(folder / "runs/stm-vote/mine.json", [])
    assert reference.targets(folder) == [f"results/runs/{name}/metrics.json" for name in RUNS[:2]]


def test_a_group_without_a_model_yet_stops_no_other_table(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    reference.keep(study, folder)
    params = "corpora: [mine, other, third]\ngroups: {new: [third], both: [mine, other]}\ncells: [lstm]\n"
    (folder / "params.yaml").write_text(params, encoding="utf-8")
    write(folder / "runs/dictionary/third.json", dictionary("third"))
    assert [path.stem for path in reference.tables(folder)] == ["new", "both", "all"]
    found = {path.name for path in (folder / "tables").iterdir()}
    assert {"new.csv", "new.md", "both.svg", "all.svg", "choices.csv", "cost.csv", "errors.csv"} <= found
    assert "new.svg" not in found


def test_a_study_of_dictionaries_alone_has_tables(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("corpora: [mine]", encoding="utf-8")
    write(tmp_path / "runs/dictionary/mine.json", dictionary("mine"))
    assert reference.tables(tmp_path) == [tmp_path / "tables/all.csv"]
    [row] = csv_file.read(tmp_path / "tables/all.csv", Row)
    assert (row.setting, row.f1_mean) == ("dictionary", 100.0)


def test_what_is_wrong_in_one_run_leaves_no_half_set_of_files(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    reference.keep(study, folder)
    (folder / "params.yaml").write_text("corpora: [mine, other]\ncells: [lstm]", encoding="utf-8")
    write(folder / f"runs/{RUNS[0]}.json", metrics(RUNS[0]) | {"cpu_seconds": 1.0})
    with pytest.raises(UserError, match="not a run's metrics"):
        reference.tables(folder)
    assert not (folder / "tables").exists()


def test_images_have_a_table_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("corpora: [mine]\nimages: {sets: [MNIST], variants: {rnn: {}, lstm: {}}}\n")
    for variant in ("lstm", "rnn"):
        content = {
            "run": {"setting": "images", "scope": "MNIST", "variant": variant, "cell": variant, "seed": 1},
            "scores": {"MNIST": {split: {"accuracy": 98.0, "images": 10} for split in ("devel", "test")}},
            **{"best_epoch": 4, "epochs": 5, "cpu_seconds": 100.0, "parameters": 54282},
            "start": {"scale_mean": None, "scale_sd": None, "state_spread": 0.1},
        }
        write(tmp_path / f"runs/images/MNIST/{variant}/seed-1.json", content)
    assert reference.tables(tmp_path) == [tmp_path / "tables/MNIST.csv"]
    lines = (tmp_path / "tables/MNIST.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == ["rnn", "lstm"]
    assert "Learning curves" not in (tmp_path / "tables/MNIST.md").read_text("utf-8")


def test_mistakes_are_named(study: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"params\.yaml: no such file"):
        reference.keep(tmp_path, tmp_path / "kept")
    with pytest.raises(UserError, match="no run; `metalstm keep`"):
        reference.tables(study)
    for number, content in enumerate([{"entries": 3}, {"run": {"setting": "stm"}}, {"run": "stm"}]):
        write(study / f"runs/{number}/notes.json", content)
        with pytest.raises(UserError, match=r"notes\.json: not a run's metrics"):
            reference.tables(study)
        (study / f"runs/{number}/notes.json").unlink()
    (study / "params.yaml").write_text("groups: {}\n")
    with pytest.raises(UserError, match="not a study's params"):
        reference.tables(study)
    (study / "params.yaml").write_text(PARAMS)
    write(study / f"results/runs/{RUNS[0]}/metrics.json", 3)
    with pytest.raises(UserError, match=r"metrics\.json: not a run's metrics"):
        reference.keep(study, tmp_path / "kept")
    (study / "results/plan/table/all.json").unlink()
    with pytest.raises(UserError, match=r"all\.json: no such plan"):
        reference.keep(study, tmp_path / "kept")


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/b", "..", ""])
def test_a_study_is_kept_below_its_folder_alone(name: str) -> None:
    with pytest.raises(UserError, match="expected a name"):
        reference.place(name)
    assert reference.place("disease") == Path("results/reference/disease")
