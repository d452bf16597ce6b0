from pathlib import Path

import pytest

from metalstm import parameters
from metalstm.errors import UserError
from metalstm.scoring.evidence import KINDS
from metalstm.training.options import TrainingOptions

STUDY = """\
corpora: [NCBI-disease, BC5CDR-disease]
groups:
  disease: [NCBI-disease, BC5CDR-disease]
settings: {per_corpus: [stm], per_group: [mtm]}
cells: [lstm]
seeds: [1]
images: {sets: [], variants: {}, seeds: [2]}
training:
  epochs: 3
  optimiser: {learning_rate: 0.1}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_study_shipped_with_the_repository_is_valid() -> None:
    study = parameters.read(Path(__file__).parents[1] / "params.yaml")
    assert len(study.corpora) == 20
    assert list(study.groups) == ["cellular", "cc", "cell", "chem", "disease", "species"]


def test_every_member_of_a_group_in_the_shipped_study_is_a_corpus() -> None:
    study = parameters.read(Path(__file__).parents[1] / "params.yaml")
    assert sorted(c for members in study.groups.values() for c in members) == sorted(study.corpora)


@pytest.mark.parametrize(
    ("wrong", "right", "line", "words"),
    [
        ("epochs: 3", "epochz: 3", 9, "unknown key `training.epochz`; did you mean `epochs`?"),
        (
            "learning_rate",
            "learning_rat",
            10,
            "unknown key `training.optimiser.learning_rat`; did you mean `learning_rate`",
        ),
        ("epochs: 3", "epochs: 0", 9, "`training.epochs`: input should be greater than or equal to 1; got 0"),
        ("epochs: 3", "epochs: three", 9, "`training.epochs`: input should be a valid integer"),
        ("epochs: 3", "epochs: 3.0", 9, "`training.epochs`: input should be a valid integer"),
        ("cells: [lstm]", "cells: [lstn]", 5, "there is no cell 'lstn'; did you mean `lstm`?"),
        ("seeds: [1]", "seeds: [1, 1]", 6, "named more than once: 1"),
        ("disease: [", "disease: [CRAFT, CRAFT, ", 3, "`groups.disease`: named more than once: CRAFT;"),
        ("images:", "vectors: {corpora: [CRAFT, CRAFT]}\nimages:", 7, "`vectors.corpora`: named more than once: CRAFT"),
        (
            "images:",
            "scoring: {evidence: {names: [CRAFTS]}}\nimages:",
            7,
            "there is no corpus 'CRAFTS'; did you mean `CRAFT`?",
        ),
        ("images:", "scoring: {evidence: {names: [CRAFT, CRAFT]}}\nimages:", 7, "named more than once: CRAFT"),
        ("images:", "scoring: {evidence: {name: [CRAFT]}}\nimages:", 7, "did you mean `names`?"),
        ("seeds: [1]", "seeds: []", 6, "`seeds`"),
        ("seeds: [1]", "sedes: [1]", 6, "unknown key `sedes`; did you mean `seeds`?"),
        ("[NCBI-disease, BC5CDR-disease]\nsettings", "[linnaeus]\nsettings", 3, "group disease has no corpus"),
        ("cells: [lstm]", "cells: [lstm", 6, "not YAML"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(
    tmp_path: Path, wrong: str, right: str, line: int | None, words: str
) -> None:
    path = written(tmp_path, STUDY.replace(wrong, right))
    with pytest.raises(UserError) as caught:
        parameters.read(path)
    message = str(caught.value)
    assert words in message
    assert "\n" not in message
    assert message.startswith(f"{path}:{line}: " if line else f"{path}: ")


def test_yaml_1_2_is_read_and_not_1_1(tmp_path: Path) -> None:
    text = STUDY.replace("learning_rate: 0.1", "learning_rate: 1e-3").replace("seeds: [1]", "seeds: [010]")
    study = parameters.read(written(tmp_path, text))
    assert study.training.optimiser.learning_rate == 0.001
    assert study.seeds == [10]


def test_no_is_a_word_and_no_truth_value(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="tune_words"):
        parameters.read(written(tmp_path, STUDY + "model: {tune_words: no}\n"))


def test_a_mistake_behind_a_merge_key_is_told_too(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown key `variants\.mine\.cel`"):
        parameters.read(written(tmp_path, STUDY + "variants:\n  mine:\n    <<: {cel: lstm}\n    cell: lstm\n"))


def test_an_option_that_a_cell_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"params.yaml:11: .*'hyper_sise'.*hyper_size"):
        parameters.read(
            written(
                tmp_path,
                STUDY + "cell_options:\n  metalstm: {hyper_sise: 3}\n".replace("\n  ", " {").replace("}\n", "}}\n"),
            )
        )


def test_a_wrong_key_in_an_override_is_refused() -> None:
    options = TrainingOptions()
    assert parameters.merged(options, {"optimiser": {"name": "adam"}}).optimiser.name == "adam"
    with pytest.raises(UserError, match="did you mean `learning_rate`"):
        parameters.merged(options, {"optimiser": {"learningrate": 1.0}})


def test_no_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file; run from a folder"):
        parameters.read(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("{when: {cell: metalstn}}", "`cell: metalstn` is not known; did you mean `metalstm`?"),
        ("{when: {scope: diseas}}", "`scope: diseas` is not known; did you mean `disease`?"),
        ("{when: {cell: rnn}, training: {epochz: 20}}", "unknown key `epochz`; did you mean `epochs`?"),
        ("{when: {}, training: {averaging: {last_epoch: 3}}}", "unknown key `averaging.last_epoch`; did you mean"),
    ],
)
def test_an_override_is_checked_though_no_run_is_meant(tmp_path: Path, override: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        parameters.read(written(tmp_path, f"{STUDY}overrides:\n  - {override}\n"))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("chosen", "place"),
    [
        ("vectors: {{source: random, seed: {}}}", "vectors.seed"),
        ("language_models: {{small: {{seed: {}}}}}", "language_models.small.seed"),
    ],
)
@pytest.mark.parametrize("seed", [-1, 2**31])
def test_the_seeds_of_vectors_and_language_models_have_bounds(
    tmp_path: Path, chosen: str, place: str, seed: int
) -> None:
    with pytest.raises(UserError, match=rf"`{place}`: input should be .* than or equal to .*; got {seed}"):
        parameters.read(written(tmp_path, f"{STUDY}{chosen.format(seed)}\n"))


def test_what_cannot_be_trained_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    for chosen in ("model: {attention: {heads: 3}}", "model: {characters: {width: 4}}"):
        with pytest.raises(UserError, match="model"):
            parameters.read(written(tmp_path, f"{STUDY}{chosen}\n"))
    with pytest.raises(UserError, match="sgd"):
        parameters.read(written(tmp_path, STUDY.replace("{learning_rate: 0.1}", "{name: sdg}")))


@pytest.mark.parametrize(
    "silent", ["per_corpus: [stm], ", ", per_group: [mtm]", "sets: [], ", "variants: {}, ", ", seeds: [2]}"]
)
def test_lists_that_dvc_reads_may_not_be_left_out(tmp_path: Path, silent: str) -> None:
    kept = "}" if silent.endswith("}") else ""
    with pytest.raises(UserError, match=r"params.yaml:.* `(settings|images)"):
        parameters.read(written(tmp_path, STUDY.replace(silent, kept)))


def test_a_group_bears_no_name_of_a_corpus(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"params.yaml:3: linnaeus is a corpus; give the group another name"):
        parameters.read(written(tmp_path, STUDY.replace("disease: [", "linnaeus: [")))


@pytest.mark.parametrize(
    "chosen",
    [
        "cell_options: {metamtl: {num_tasks: 2}}",
        "variants: {two: {cell: metamtl, options: {num_tasks: 2}}}",
    ],
)
def test_tasks_are_counted_and_not_chosen(tmp_path: Path, chosen: str) -> None:
    with pytest.raises(UserError, match=r"params.yaml:\d+: `num_tasks` of metamtl follows from the corpora"):
        parameters.read(written(tmp_path, f"{STUDY}{chosen}\n"))


def test_a_file_that_is_not_utf8_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes(b"corpora: [\xff]")
    with pytest.raises(UserError, match="expected UTF-8"):
        parameters.read(tmp_path / "params.yaml")


def test_every_kind_of_evidence_can_be_chosen() -> None:
    assert list(parameters.EvidenceOptions.model_fields) == list(KINDS)
