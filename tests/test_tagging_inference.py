import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metalstm.nn import storage
from metalstm.nn.batch import number
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import CharacterOptions, ContextOptions, CrfOptions, TaggerOptions
from metalstm.nn.tagger import Tagger
from metalstm.tagging import inference
from metalstm.tagging.tag import load
from metalstm.tagging.tokens import tag_tokens

TEXT = [
    (("Give", "aspirin", "(", "ASA", ")", "100", "mg"), ("O", "S-Drug", "O", "S-Drug", "O", "O", "O")),
    (("low", "-", "dose", "heparin", "sodium", "of", "Basle"), ("O", "O", "O", "B-Drug", "E-Drug", "O", "S-Place")),
]
WORDS = sorted({word for tokens, _ in TEXT for word in tokens} | {"x", "Heparin", "7", "é", "a" * 70})


def saved(folder, **options):
    torch.manual_seed(3)
    tagger = Tagger(Lexicon.build(TEXT), TaggerOptions(**{"word_size": 12, "hidden_size": 7} | options)).eval()
    with torch.no_grad():
        for parameter in tagger.crf.parameters():
            parameter.normal_()
    storage.save(tagger, folder)
    return tagger


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cell": "torchlstm", "characters": CharacterOptions(encoder="none")},
        {"num_layers": 3, "characters": CharacterOptions(width=5, size=9)},
        {"characters": CharacterOptions(width=1), "crf": CrfOptions(valid_when_decoding=False)},
    ],
)
def test_emissions_and_labels_are_those_of_the_tagger(tmp_path, monkeypatch, options):
    monkeypatch.setattr(inference, "SENTENCES_AT_ONCE", 3)
    monkeypatch.setattr(inference, "TOKENS_AT_ONCE", 40)
    tagger = saved(tmp_path, **options)
    arrays = load(str(tmp_path))
    assert isinstance(arrays, inference.ArrayTagger)
    draw = np.random.default_rng(5)
    sentences = [draw.choice(WORDS, size).tolist() for size in [*draw.integers(1, 30, 20).tolist(), 1, 2]]
    batch = number(tagger.lexicon, sentences).batch(range(len(sentences)))
    with torch.no_grad():
        expected = tagger.emissions(batch)
    expected = np.concatenate([expected[row, :size] for row, size in enumerate(batch.lengths)])
    found = arrays.emissions(sentences, np.array([len(tokens) for tokens in sentences]))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert arrays.label(sentences) == tag_tokens(tagger, sentences).labels


@settings(max_examples=25, deadline=None)
@given(sentences=st.lists(st.lists(st.sampled_from(WORDS), max_size=9), max_size=6))
def test_empty_sentences_have_no_labels_and_change_no_others(tmp_path_factory, sentences):
    folder = tmp_path_factory.mktemp("model")
    tagger = saved(folder)
    arrays = inference.load(folder)
    assert arrays is not None
    assert arrays.label(sentences) == tag_tokens(tagger, sentences).labels


def test_other_networks_and_damaged_files_are_left_to_torch(tmp_path):
    saved(tmp_path / "cell", cell="rnn")
    saved(tmp_path / "characters", characters=CharacterOptions(encoder="lstm"))
    saved(tmp_path / "shape", word_shape=2)
    saved(tmp_path / "context", context=ContextOptions(hidden_size=4, size=3))
    for name in ("cell", "characters", "shape", "context", "nowhere"):
        assert inference.load(tmp_path / name) is None
    assert isinstance(load(tmp_path / "cell"), Tagger)
    saved(tmp_path / "damaged")
    (tmp_path / "damaged" / storage.WEIGHTS).write_bytes(b"")
    assert inference.load(tmp_path / "damaged") is None


def test_a_description_with_something_new_is_left_to_torch(tmp_path):
    saved(tmp_path)
    path = tmp_path / storage.DESCRIPTION
    description = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(description | {"version": storage.VERSION + 1}), encoding="utf-8")
    assert inference.load(tmp_path) is None
    description["options"]["something_new"] = 1
    path.write_text(json.dumps(description), encoding="utf-8")
    assert inference.load(tmp_path) is None


def test_names_are_those_of_the_storage():
    assert inference.DESCRIPTION == storage.DESCRIPTION
    assert inference.WEIGHTS == storage.WEIGHTS
    assert inference.FORMAT == storage.FORMAT
    assert inference.VERSION == storage.VERSION
    assert set(TaggerOptions.model_fields) == inference.OPTIONS


def test_a_common_tagger_tags_without_torch_and_in_one_thread(tmp_path):
    saved(tmp_path)
    (tmp_path / "text").write_text("Give aspirin", encoding="utf-8")
    code = (
        "import os, sys; from metalstm import cli;"
        f"sys.argv = ['metalstm', 'tag', '--model', {str(tmp_path)!r}, {str(tmp_path / 'text')!r}];"
        "cli.app(standalone_mode=False);"
        "print({'torch', 'numba'} & sys.modules.keys(), os.environ['OMP_NUM_THREADS'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set() 1")
