"""Lists of names as files that taggers read."""

import lzma
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from metalstm.corpora.texts import TextFile, planned
from metalstm.errors import UserError
from metalstm.gazetteers import storage
from metalstm.gazetteers.matching import keys
from metalstm.plan.job import Plan
from metalstm.stages import gazetteer


def made(*files: TextFile) -> Plan:
    plan = Plan(
        "gazetteer/drugs", {}, {"names": "drugs.safetensors"}, {"files": [planned(file, "raw") for file in files]}
    )
    gazetteer.run(plan)
    return plan


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_names_of_all_files_are_taken_apart_as_the_corpora_are(capsys: pytest.CaptureFixture[str]) -> None:
    Path("one.txt").write_text("aspirin\n\n5'-nucleotidase inhibitors\n", "utf-8")
    Path("two.txt.xz").write_bytes(lzma.compress(b"Aspirin\nCa\n"))
    made(TextFile(file="one.txt"), TextFile(file="two.txt.xz"))
    expected = keys([["aspirin"], ["5", "'", "-", "nucleotidase", "inhibitor"]])
    assert np.array_equal(storage.read(Path("drugs.safetensors")), expected)
    assert "2 names to look for, of 4 lines" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_named_with_its_key() -> None:
    with pytest.raises(UserError, match=r"drugs.txt: no such file; correct gazetteers.drugs in params.yaml"):
        made(TextFile(file="drugs.txt"))


def test_a_file_of_no_names_is_refused() -> None:
    Path("drugs.txt").write_text("17\n", "utf-8")
    with pytest.raises(UserError, match=r"drugs.txt: no name to look for; expected one a line"):
        made(TextFile(file="drugs.txt"))
    assert not Path("drugs.safetensors").exists()


def test_a_name_is_looked_for_as_the_corpora_spell_it_too() -> None:
    Path("drugs.txt").write_text("β-carotene\n", "utf-8")
    made(TextFile(file="drugs.txt"))
    expected = keys([["β", "-", "carotene"], ["beta", "-", "carotene"]])
    assert np.array_equal(storage.read(Path("drugs.safetensors")), expected)


def test_a_sign_that_the_corpora_spell_with_several_characters_is_one_token_there_too() -> None:
    Path("drugs.txt").write_text("Taxol®\n", "utf-8")
    made(TextFile(file="drugs.txt"))
    expected = keys([["Taxol", "®"], ["Taxol", "(R)"], ["Taxol", "(", "R", ")"]])
    assert np.array_equal(storage.read(Path("drugs.safetensors")), expected)


def test_a_list_in_another_encoding_is_refused_with_the_line() -> None:
    Path("drugs.txt").write_bytes("aspirin\nM\u00f6bitz\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"drugs.txt:2: expected UTF-8"):
        made(TextFile(file="drugs.txt"))


@pytest.mark.parametrize("content", [b"damaged", save({"keys": np.zeros((2, 2))}), save({"names": np.zeros(2)})])
def test_a_damaged_list_is_refused(content: bytes) -> None:
    Path("drugs.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="not a list of names"):
        storage.read(Path("drugs.safetensors"))
