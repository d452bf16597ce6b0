"""A cell under another name, with values of its own."""

from pathlib import Path
from typing import Any

import pytest

from metalstm import parameters
from metalstm.errors import UserError
from metalstm.plan import study as plan
from metalstm.plan import unread

STUDY: dict[str, Any] = {
    "corpora": ["NCBI-disease"],
    "groups": {},
    "settings": {"per_corpus": ["stm"], "per_group": []},
    "images": {"sets": [], "variants": {}, "seeds": [1]},
    "cells": ["metalstm", "small"],
    "cell_options": {"metalstm": {"hyper_size": 48, "embedding_size": 16}},
    "variants": {
        "small": {
            "cell": "metalstm",
            "options": {"embedding_size": 4},
            "model": {"dropout": {"input": 0.3}},
            "training": {"schedule": {"name": "linear"}},
        }
    },
    "seeds": [1],
    "vectors": {"source": "random"},
}


def trained(cell: str, **changes: Any) -> dict[str, Any]:
    study = parameters.validate({**STUDY, **changes}, Path("params.yaml"))
    return plan.plans(study)[f"train/stm/NCBI-disease/{cell}/seed-1"].parameters


def test_a_variant_is_a_run_of_its_own_with_its_values_merged_in() -> None:
    chosen = trained("small")
    assert chosen["cell"] == "small"
    assert chosen["tagger"]["cell"] == "metalstm"
    assert chosen["tagger"]["cell_options"] == {"hyper_size": 48, "embedding_size": 4}
    assert chosen["tagger"]["dropout"]["input"] == 0.3
    assert chosen["tagger"]["dropout"]["output"] == 0.5
    assert chosen["training"]["schedule"]["name"] == "linear"


def test_the_cell_itself_stays_as_it_is() -> None:
    chosen = trained("metalstm")
    assert chosen["tagger"]["cell_options"] == {"hyper_size": 48, "embedding_size": 16}
    assert chosen["training"]["schedule"]["name"] == "inverse"


def test_an_override_may_be_for_a_variant_and_comes_after_it() -> None:
    change = {"when": {"cell": "small"}, "model": {"dropout": {"input": 0.1}}}
    assert trained("small", overrides=[change])["tagger"]["dropout"]["input"] == 0.1


@pytest.mark.parametrize(
    ("variants", "words"),
    [
        ({"lstm": {"cell": "lstm"}}, "`lstm` is a cell itself"),
        ({"small": {"cell": "metalstn"}}, "metalstn"),
        ({"small": {"cell": "lstm", "training": {"epochz": 3}}}, "did you mean `epochs`?"),
        ({"small": {"cell": "lstm", "model": {"hidden_size": 0}}}, "variants.small.model"),
    ],
)
def test_a_mistake_in_a_variant_is_told(variants: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as caught:
        parameters.validate({**STUDY, "variants": variants}, Path("params.yaml"))
    assert words in str(caught.value)


CONTEXTUAL: dict[str, Any] = {
    "vectors": {"corpora": ["NCBI-disease"]},
    "language_models": {"small": {"hidden_size": 8, "size": 4, "tokens": 1000}},
    "cells": ["metalstm", "contextual"],
    "variants": {"contextual": {"cell": "lstm", "model": {"contextual": "small", "tune_words": False}}},
}


NONE = {"contextual": None}


def test_a_variant_may_read_a_language_model_and_the_others_know_nothing_of_it() -> None:
    study = parameters.validate({**STUDY, **CONTEXTUAL}, Path("params.yaml"))
    plans = plan.plans(study)
    contextual, other = (plans[f"train/stm/NCBI-disease/{cell}/seed-1"] for cell in ("contextual", "metalstm"))
    assert contextual.parameters["tagger"]["context"] == {"hidden_size": 8, "size": 4}
    assert contextual.inputs["language_model"] == plans["language_model/small"].outputs["weights"]
    for corpus in contextual.parameters["corpora"]:
        assert contextual.inputs[f"{corpus}.features"] == plans[f"contextual/small/{corpus}"].outputs["features"]
    assert other.parameters["tagger"]["context"] is None
    assert "language_model" not in other.inputs


def test_an_override_changes_what_the_variant_says() -> None:
    told = {
        "variants": {"contextual": {"cell": "lstm", "model": {"tune_words": False}}},
        "overrides": [{"when": {"cell": "contextual"}, "model": {"contextual": "small"}}],
    }
    plans = plan.plans(parameters.validate({**STUDY, **CONTEXTUAL, **told}, Path("params.yaml")))
    assert plans["train/stm/NCBI-disease/contextual/seed-1"].parameters["tagger"]["context"] is not None
    assert plans["train/stm/NCBI-disease/metalstm/seed-1"].parameters["tagger"]["context"] is None


NAMED: dict[str, Any] = {
    "gazetteers": {"species": ["names.txt.xz"], "drugs": ["drugs.txt", "https://example.org/more.txt"]},
    "cells": ["metalstm", "named"],
    "variants": {"named": {"cell": "lstm", "model": {"gazetteers": ["species"]}}},
}


def test_a_variant_may_look_for_names_and_waits_for_its_own_lists_only() -> None:
    plans = plan.plans(parameters.validate({**STUDY, **NAMED}, Path("params.yaml")))
    named, other = (plans[f"train/stm/NCBI-disease/{cell}/seed-1"] for cell in ("named", "metalstm"))
    assert named.parameters["tagger"]["gazetteers"] == ["species"]
    assert named.inputs["gazetteer.species"] == plans["gazetteer/species"].outputs["names"]
    assert "gazetteer.drugs" not in named.inputs
    assert not any(role.startswith("gazetteer") for role in other.inputs)
    kept = [file["kept"] for file in plans["gazetteer/drugs"].parameters["files"]]
    assert kept == [None, "data/raw/names/drugs/more.txt"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"cells": ["metalstm"]}, ["language_model/small", "contextual/small/NCBI-disease"]),
        (
            {"corpora": ["NCBI-disease", "linnaeus"], "overrides": [{"when": {"scope": "linnaeus"}, "model": NONE}]},
            ["contextual/small/linnaeus"],
        ),
        (
            {"cells": ["metalstm"], "vectors": {"source": "file", "file": "own.vec", "texts": ["more.txt"]}},
            ["text/sentences", "language_model/small", "contextual/small/NCBI-disease"],
        ),
    ],
)
def test_what_no_training_reads_is_known(changes: dict[str, Any], expected: list[str]) -> None:
    plans = plan.plans(parameters.validate({**STUDY, **CONTEXTUAL, **changes}, Path("params.yaml")))
    assert unread.jobs(plans) == expected


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gazetteers": {}}, "there is no list of names 'species'; `gazetteers` has none: name its files there"),
        ({"gazetteers": {"specie": ["names.txt"]}}, "did you mean `specie`?"),
        ({"gazetteers": {"species": []}}, "`gazetteers.species`"),
        ({"gazetteers": {"species": ["a.txt", {"file": "a.txt"}]}}, "named more than once: a.txt"),
        (
            {"gazetteers": {"species": ["https://a.org/n.txt", "https://b.org/n.txt"]}},
            "several addresses that end in n.txt",
        ),
        ({"gazetteers": {"species": ["https://a.org/?n=1"]}}, "does not end in the name of a file"),
        (
            {"gazetteers": {"species": ["a.txt"], "ills": [{"file": "b", "tokenised": True}]}},
            "unknown key `gazetteers.ills.0.tokenised`",
        ),
        ({"model": {"gazetteers": ["drugs", "drugs"]}}, "drugs is named more than once"),
        ({"overrides": [{"when": {}, "model": {"gazetteers": ["drug"]}}]}, "did you mean `drugs`?"),
    ],
)
def test_a_list_of_names_that_cannot_be_read_is_told(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as caught:
        parameters.validate({**STUDY, **NAMED, **changes}, Path("params.yaml"))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"language_models": {}}, "there is no language model 'small'; `language_models` names none"),
        ({"language_models": {"smell": {}}}, "did you mean `smell`?"),
        ({"language_models": {"small": {"size": 600}}}, "`size` is at most 512"),
        ({"vectors": {"source": "random"}}, "`vectors.source: random` gives none"),
        ({"vectors": {"source": "file", "file": "words.bin"}}, "learns from the text of `vectors`"),
        ({"variants": {"contextual": {"cell": "lstm", "model": {"contextual": "small"}}}}, "needs `tune_words: false`"),
        ({"variants": {}, "cells": ["lstm"], "model": {"contextual": "tall", "tune_words": False}}, "model 'tall'"),
        (
            {"overrides": [{"when": {"cell": "contextual"}, "model": {"contextual": "tall", "tune_words": False}}]},
            "model 'tall'",
        ),
        (
            {"overrides": [{"when": {}, "model": {"contextual": "small"}}]},
            "stm/NCBI-disease/metalstm: model: `contextual` needs",
        ),
    ],
)
def test_a_language_model_that_cannot_be_read_is_told(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as caught:
        parameters.validate({**STUDY, **CONTEXTUAL, **changes}, Path("params.yaml"))
    assert words in str(caught.value)
