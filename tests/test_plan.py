import json
from pathlib import Path

import pytest

from metalstm import parameters, published
from metalstm.errors import UserError
from metalstm.plan import study as plan

STUDY = {
    "corpora": ["NCBI-disease", "BC5CDR-disease", "linnaeus"],
    "groups": {"disease": ["NCBI-disease", "BC5CDR-disease"]},
    "settings": {"per_corpus": ["stm"], "per_group": ["mtm"]},
    "images": {"sets": [], "variants": {}, "seeds": [1]},
    "cells": ["lstm", "metalstm"],
    "seeds": [1, 2],
    "vectors": {"corpora": ["NCBI-disease", "linnaeus"]},
}
STM_ALONE = {"groups": {}, "settings": {"per_corpus": ["stm"], "per_group": []}}
IMAGES = {
    "sets": ["MNIST"],
    "variants": {"lstm": {"cell": "lstm"}, "study": {"cell": "metalstm", "options": {"start": "study"}}},
    "seeds": [1, 2],
}


def plans(**changes: object) -> dict[str, plan.Plan]:
    return plan.plans(parameters.validate({**STUDY, **changes}, Path("params.yaml")))


def changed(before: dict[str, plan.Plan], after: dict[str, plan.Plan]) -> set[str]:
    return {job for job in before.keys() & after.keys() if before[job].to_json() != after[job].to_json()}


def test_every_job_of_the_study_has_a_plan() -> None:
    jobs = plans()
    stages = [job.split("/")[0] for job in jobs]
    assert {stage: stages.count(stage) for stage in stages} == {
        "fetch": 3,
        "convert": 3,
        "join": 1,
        "text": 1,
        "vectors": 1,
        "coverage": 1,
        "train": (3 + 1) * 2 * 2,
        "score": (3 + 1) * 2 * 2,
        "dictionary": 3,
        "vote": 3 + 1,
        "table": 2,
    }


def test_every_input_is_the_output_of_one_job() -> None:
    jobs = plans()
    made = [path for job in jobs.values() for path in job.outputs.values()]
    assert len(made) == len(set(made))
    assert {path for job in jobs.values() for path in job.inputs.values()} <= set(made)


def test_evidence_that_is_named_changes_the_scores_of_its_corpora_alone() -> None:
    before, after = plans(), plans(scoring={"evidence": {"names": ["linnaeus"]}})
    assert {job.parameters["evidence"] for name, job in before.items() if name.startswith(("score", "vote"))} == {None}
    none = {"known": [], "abbreviations": [], "names": []}
    for name, job in after.items():
        if name.startswith(("score", "vote")):
            assert job.parameters["evidence"] == (none | {"names": ["linnaeus"]} if "linnaeus" in name else none), name
    more = plans(scoring={"evidence": {"names": ["linnaeus", "NCBI-disease"]}})
    touched = changed(after, more)
    assert {job.split("/")[0] for job in touched} == {"score", "vote"}
    assert all("NCBI-disease" in job or "disease" in job.split("/") for job in touched)


def test_a_changed_option_of_one_cell_changes_the_plans_of_its_trainings_alone() -> None:
    after = plans(cell_options={"metalstm": {"hyper_size": 7}})
    assert changed(plans(), after) == {job for job in after if job.startswith("train/") and "/metalstm/" in job}


def test_an_override_changes_the_plans_of_the_runs_that_it_names() -> None:
    override = {"when": {"setting": "mtm", "cell": "lstm"}, "training": {"epochs": 2}}
    assert changed(plans(), plans(overrides=[override])) == {f"train/mtm/disease/lstm/seed-{seed}" for seed in (1, 2)}


def test_overrides_are_merged_before_they_are_checked() -> None:
    overrides = [
        {"when": {"setting": "stm"}, "model": {"tune_words": False}},
        {"when": {"setting": "stm", "scope": "NCBI-disease"}, "model": {"contextual": "small"}},
    ]
    small = {"language_models": {"small": {"hidden_size": 8, "size": 4}}}
    after = plans(overrides=overrides, **small)
    assert changed(plans(**small), after) == {job for job in after if job.startswith("train/stm/")}
    reading = {job for job, made in after.items() if "language_model" in made.inputs and job.startswith("train/")}
    assert reading == {job for job in after if job.startswith("train/stm/NCBI-disease/")}


def test_another_seed_changes_tables_and_votes_alone() -> None:
    before, after = plans(), plans(seeds=[1, 2, 3])
    votes = {job for job in after if job.startswith("vote/")}
    assert changed(before, after) == {"table/disease", "table/all"} | votes
    assert {job.split("/")[0] for job in after.keys() - before.keys()} == {"train", "score"}


def test_a_corpus_that_is_left_out_is_left_out_everywhere() -> None:
    jobs = plans(corpora=["NCBI-disease", "linnaeus"])
    assert jobs["table/disease"].parameters.pop("left_out") == ["BC5CDR-disease"]
    jobs["table/all"].parameters.pop("left_out")
    assert not [job for job in jobs.values() if "BC5CDR" in job.to_json()]
    assert jobs["train/mtm/disease/lstm/seed-1"].parameters["corpora"] == ["NCBI-disease"]


def test_a_corpus_outside_the_text_of_the_vectors_does_not_change_them() -> None:
    assert "vectors/words" not in changed(plans(), plans(corpora=["NCBI-disease", "linnaeus"]))


def test_the_tracking_server_is_nobodys_input() -> None:
    assert changed(plans(), plans(tracking={"uri": "http://127.0.0.1:5000"})) == set()


def test_a_group_does_not_change_what_is_trained_on_its_corpora() -> None:
    assert changed(plans(), plans(**STM_ALONE)) == {"table/all"}


def test_the_table_of_a_group_has_no_model_of_a_smaller_one() -> None:
    smaller = STUDY["groups"]
    assert isinstance(smaller, dict)
    jobs = plans(groups={**smaller, "three": STUDY["corpora"]})
    assert {run for run in jobs["table/three"].inputs if run.startswith("mtm/")} == {
        f"mtm/three/{cell}/seed-{seed}" for cell in ("lstm", "metalstm") for seed in (1, 2)
    }
    assert {run for run in jobs["table/all"].inputs if run.startswith("mtm/disease")}


def test_an_unknown_corpus_names_its_nearest() -> None:
    with pytest.raises(UserError, match="did you mean NCBI-disease"):
        plans(corpora=["NCBI-diseases"], groups={})
    with pytest.raises(UserError, match="did you mean NCBI-disease"):
        plans(groups={"disease": ["BC5CDR-disease", "NCBI-diseases"]})


def test_images_are_no_corpus_to_tag() -> None:
    with pytest.raises(UserError, match="MNIST has no tokens"):
        plans(corpora=["MNIST"], groups={})
    with pytest.raises(UserError, match="linnaeus has no images"):
        plans(images={**IMAGES, "sets": ["linnaeus"]})


def test_every_variant_is_trained_with_every_seed_and_gathered_in_one_table() -> None:
    jobs = plans(images=IMAGES)
    assert changed(plans(), jobs) == set()
    runs = [f"images/MNIST/{variant}/seed-{seed}" for variant in ("lstm", "study") for seed in (1, 2)]
    assert sorted(jobs.keys() - plans().keys()) == sorted(["fetch/MNIST", *runs, "accuracy/MNIST"])
    assert [jobs[run].stage for run in runs] == ["images"] * 4
    assert {folder.removeprefix("results/runs/") for folder in jobs["accuracy/MNIST"].parameters["runs"]} == set(runs)
    made = [path for job in jobs.values() for path in job.outputs.values()]
    assert len(made) == len(set(made))
    assert {path for job in jobs.values() for path in job.inputs.values()} <= set(made)


def test_a_changed_variant_is_trained_again_alone() -> None:
    variants = {**IMAGES["variants"], "study": {"cell": "metalstm", "options": {"start": "paper"}}}
    after = plans(images={**IMAGES, "variants": variants})
    assert changed(plans(images=IMAGES), after) == {f"images/MNIST/study/seed-{seed}" for seed in (1, 2)}


def test_a_variant_may_be_trained_in_its_own_way() -> None:
    variants = {"sgd": {"cell": "lstm", "training": {"optimiser": {"name": "sgd"}}}}
    chosen = plans(images={**IMAGES, "variants": variants})["images/MNIST/sgd/seed-1"].parameters["options"]
    others = plans(images=IMAGES)["images/MNIST/lstm/seed-1"].parameters["options"]
    assert chosen == {**others, "optimiser": {**others["optimiser"], "name": "sgd"}}
    with pytest.raises(UserError, match=r"images.variants.sgd.training: .*did you mean `epochs`"):
        plans(images={**IMAGES, "variants": {"sgd": {"cell": "lstm", "training": {"epochz": 2}}}})


def test_left_out_images_are_left_out_everywhere() -> None:
    jobs = plans(images={**IMAGES, "variants": {"lstm": {"cell": "lstm"}}})
    assert not [job for job in jobs.values() if "study" in job.to_json()]
    assert plans(images={**IMAGES, "sets": []}).keys() == plans().keys()


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ({"sets": ["MNIST"]}, "`variants` names none"),
        ({"sets": ["MNIST", "MNIST"], "variants": {"a": {"cell": "lstm"}}}, "more than once"),
        ({"variants": {"a": {"cell": "lstn"}}}, "no cell 'lstn'"),
        ({"variants": {"a": {"cell": "metalstm", "options": {"hyper_sise": 1}}}}, "no option 'hyper_sise'"),
        ({"variants": {"a": {"sell": "lstm"}}}, "unknown key `images.variants.a.sell`; did you mean `cell`"),
        ({"sets": ["cost"], "variants": {"a": {"cell": "lstm"}}}, "`cost` is a table of all corpora"),
        ({"sets": ["disease"], "variants": {"a": {"cell": "lstm"}}}, "a set of images with a table of its own"),
    ],
)
def test_a_mistake_in_the_images_is_named(images: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        plans(images={"sets": [], "variants": {}, "seeds": [1], **images})


def test_a_changed_file_of_the_users_own_is_fetched_again(tmp_path: Path) -> None:
    for split in plan.SPLITS:
        (tmp_path / f"{split}.tsv").write_text("a\tO\n\n", encoding="utf-8")
    own = {"mine": {"folder": str(tmp_path), "files": {split: f"{split}.tsv" for split in plan.SPLITS}}}
    before = plans(corpora=["mine"], **STM_ALONE, own_corpora=own, vectors={"source": "random"})
    (tmp_path / "test.tsv").write_text("b\tO\n\n", encoding="utf-8")
    after = plans(corpora=["mine"], **STM_ALONE, own_corpora=own, vectors={"source": "random"})
    assert changed(before, after) == {"fetch/mine"}


def test_corrected_published_figures_make_the_tables_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = plans()
    corrected = tmp_path / "published_f1.tsv"
    corrected.write_text(published.FILE.read_text("utf-8").replace("85.62", "85.63"), encoding="utf-8")
    monkeypatch.setattr(published, "FILE", corrected)
    assert changed(before, plans()) == {"table/disease", "table/all"}


def test_plans_are_rewritten_only_if_they_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    params = tmp_path / "params.yaml"
    params.write_text(json.dumps(STUDY), encoding="utf-8")
    _, planned = plan.write(params)
    times = {path: path.stat().st_mtime_ns for path in plan.PLANS.rglob("*.json")}
    assert len(times) == len(planned) + 1
    params.write_text(json.dumps({**STUDY, "cell_options": {"lstm": {"dropout_between": 0.25}}}), encoding="utf-8")
    plan.write(params)
    rewritten = {path for path, time in times.items() if path.stat().st_mtime_ns != time}
    assert rewritten == {planned[job].path for job in planned if job.startswith("train/") and "/lstm/" in job}


def test_a_plan_reads_back_as_it_was_written(tmp_path: Path) -> None:
    one = plans()["train/mtm/disease/lstm/seed-1"]
    (tmp_path / "plan.json").write_text(one.to_json(), encoding="utf-8")
    assert plan.read(tmp_path / "plan.json") == one


def test_a_broken_plan_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"jab": 1}', encoding="utf-8")
    with pytest.raises(UserError, match="not a plan"):
        plan.read(tmp_path / "plan.json")
    with pytest.raises(UserError, match="no such plan"):
        plan.read(tmp_path / "none.json")


def test_mtm_plus_has_plans_of_its_own_with_the_weights_of_each_corpus() -> None:
    jobs = plans(settings={"per_corpus": ["stm"], "per_group": ["mtm", "mtm-plus"]})
    job = jobs["train/mtm-plus/disease/lstm/seed-1"]
    folder = "results/runs/mtm-plus/disease/lstm/seed-1"
    for corpus in job.parameters["corpora"]:
        assert job.outputs[f"{corpus}.weights"] == f"{folder}/continued/{corpus}.safetensors"
    assert {"sampling", "continued"} <= job.parameters["training"].keys()
    other = jobs["train/mtm/disease/lstm/seed-1"]
    assert job.inputs == other.inputs
    assert other.parameters["tagger"]["multitask"] is None
    assert not {"sampling", "sampling_alpha", "continued"} & other.parameters["training"].keys()


def test_an_override_may_be_for_mtm_plus() -> None:
    both = {"per_corpus": [], "per_group": ["mtm", "mtm-plus"]}
    override = {
        "when": {"setting": "mtm-plus"},
        "model": {"multitask": {"corpus_embedding": 0}},
        "training": {"continued": {"epochs": 2}},
    }
    after = plans(settings=both, overrides=[override])
    assert changed(plans(settings=both), after) == {job for job in after if job.startswith("train/mtm-plus/")}
    chosen = after["train/mtm-plus/disease/lstm/seed-1"].parameters
    assert chosen["tagger"]["multitask"] == {"output": "per_corpus", "corpus_embedding": 0}
    assert chosen["training"]["continued"] == {"epochs": 2, "learning_rate_share": 0.5}
