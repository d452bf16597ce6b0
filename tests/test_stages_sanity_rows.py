"""The rows beside the taggers: the dictionary of a corpus, and the vote of seeds."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from metalstm.errors import UserError
from metalstm.plan.job import Plan
from metalstm.stages import dictionary, table, vote
from metalstm.tables.gather import gather

GOLD = ["B-Disease", "E-Disease", "O", "S-Disease"]
TOKENS = {
    "train": ["lung", "cancer", "and", "gout"],
    "devel": ["lung", "cancer", "or", "mumps"],
    "test": ["lung", "cancer", "not", "gout"],
}


def write(path: str, rows: list[tuple[str, ...]]) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join("\t".join(row) + "\n" for row in rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    return {split: write(f"data/{split}.tsv", list(zip(tokens, GOLD, strict=True))) for split, tokens in TOKENS.items()}


def scores(path: str, corpus: str = "mine") -> Any:
    content = json.loads(Path(path).read_text("utf-8"))
    return (content[0] if isinstance(content, list) else content)["scores"][corpus]


def test_the_dictionary_knows_the_mentions_of_train(corpus: dict[str, str]) -> None:
    output = "results/runs/dictionary/mine/metrics.json"
    dictionary.run(Plan("dictionary/mine", corpus, {"metrics.json": output}, {"corpus": "mine"}))
    scored = scores(output)
    assert scored["test"]["strict"]["f1"] == 100.0
    assert scored["devel"]["strict"]["recall"] == 50.0
    assert scored["devel"]["unseen"] == {"recall": 0.0, "support": 1}
    [row] = gather([Path(output)], corpora=["mine"], cells=["lstm"])
    assert (row.setting, row.cell, row.seeds, row.f1_mean, row.n_test_entities) == ("dictionary", "-", 0, 100.0, 2)


def test_a_table_without_runs_is_refused_before_it_is_written(corpus: dict[str, str]) -> None:
    output = {"metrics.json": "results/runs/dictionary/mine/metrics.json"}
    dictionary.run(Plan("dictionary/mine", corpus, output, {"corpus": "mine"}))
    chosen = {"table": "all", "corpora": ["mine"], "left_out": [], "cells": [], "settings": [], "runs": []}
    with pytest.raises(UserError, match="no run to show"):
        table.run(Plan("table/all", output, {"csv": "results/tables/all.csv"}, chosen))
    assert not Path("results/tables").exists()


def vote_plan(corpus: dict[str, str], predicted: dict[int, list[str]]) -> Plan:
    files = dict(corpus)
    for seed, labels in predicted.items():
        for split in ("devel", "test"):
            rows = list(zip(TOKENS[split], GOLD, labels, strict=True))
            files[f"lstm/seed-{seed}/mine.{split}"] = write(f"seed-{seed}/{split}.tsv", rows)
    Path("training.json").write_text('{"train_on": "train"}')
    files["lstm/training.json"] = "training.json"
    named = {"setting": "stm", "scope": "mine", "corpora": ["mine"], "joint": False, "evidence": None}
    chosen = {**named, "cells": ["lstm"] if predicted else [], "seeds": list(predicted)}
    return Plan("vote/stm/mine", files, {"metrics.json": "results/runs/stm-vote/mine/metrics.json"}, chosen)


def test_a_majority_of_seeds_has_a_row_of_its_own(corpus: dict[str, str]) -> None:
    predicted = {1: GOLD, 2: ["O", "O", "O", "S-Disease"], 3: ["B-Disease", "E-Disease", "O", "O"]}
    plan = vote_plan(corpus, predicted)
    vote.run(plan)
    assert scores(plan.outputs["metrics.json"])["test"]["strict"]["f1"] == 100.0
    row, alike = gather([Path(plan.outputs["metrics.json"])], corpora=["mine"], cells=["lstm"])
    assert (row.setting, row.cell, row.seeds, row.f1_sd, row.devel_f1_mean) == ("stm-vote", "lstm", 3, None, 100.0)
    assert alike == replace(row, setting="stm-vote-evidence")


def test_too_few_seeds_leave_an_empty_list(corpus: dict[str, str]) -> None:
    plan = vote_plan(corpus, {})
    vote.run(plan)
    path = Path(plan.outputs["metrics.json"])
    assert json.loads(path.read_text("utf-8")) == []
    assert gather([path], corpora=["mine"], cells=["lstm"]) == []
