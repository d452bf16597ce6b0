from pathlib import Path

import pytest

from metalstm import parameters
from metalstm.errors import UserError
from metalstm.overrides import merged, network_and_training
from metalstm.schema import EvidenceOptions
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
            "there is no corpus 'CRAFTS': did you mean CRAFT",
        ),
        ("images:", "scoring: {evidence: {names: [CRAFT, CRAFT]}}\nimages:", 7, "named more than once: CRAFT"),
        ("images:", "scoring: {evidence: {name: [CRAFT]}}\nimages:", 7, "did you mean `names`?"),
        ("[NCBI-disease, BC5CDR-disease]\ngroups", "[NCBI-diseas]\ngroups", 1, "did you mean NCBI-disease"),
        ("corpora: [NCBI-disease", "corpora: [MNIST", 1, "MNIST has no tokens to tag; name it in images.sets"),
        ("disease: [NCBI-disease", "disease: [NCBI-diseas", 3, "no corpus 'NCBI-diseas': did you mean NCBI-disease"),
        ("[NCBI-disease, BC5CDR-disease]\nsettings", "\n  - CRAFT\n  - CRAFTS\nsettings", 5, "did you mean CRAFT"),
        ("images:", "vectors: {corpora: [CRAFTS]}\nimages:", 7, "there is no corpus 'CRAFTS': did you mean CRAFT"),
        (
            "images:",
            "vectors: {corpora: [CRAFT]}\nimages:",
            7,
            "none of CRAFT stands in `corpora`, so there is no text",
        ),
        ("sets: [], variants: {}", "sets: [linnaeus], variants: {a: {cell: rnn}}", 7, "linnaeus has no images"),
        ("sets: [], variants: {}", "sets: [MINST], variants: {a: {cell: rnn}}", 7, "did you mean MNIST?"),
        ("seeds: [1]", "seeds: []", 6, "`seeds`"),
        ("seeds: [1]", "sedes: [1]", 6, "unknown key `sedes`; did you mean `seeds`?"),
        ("[NCBI-disease, BC5CDR-disease]\nsettings", "[linnaeus]\nsettings", 3, "group disease has no corpus"),
        (
            "  disease: [NCBI-disease, BC5CDR-disease]",
            "  {}",
            4,
            "`settings.per_group` has mtm, and `groups` has none to train it for; name a group, or write",
        ),
        ("cells: [lstm]", "cells:", 5, "`cells` is left empty; where nothing is meant, write []"),
        (
            "  disease: [NCBI-disease, BC5CDR-disease]",
            "",
            2,
            "`groups` is left empty; where nothing is meant, write {}",
        ),
        ("cells: [lstm]", "cells: [lstm", 6, "not YAML"),
        ("cells: [lstm]", "cells: [l\x07]", 5, "not YAML: unacceptable character"),
        ("cells: [lstm]", "cells: " + "[" * 3000, None, "deeper than anything"),
        ("rate: 0.1}", "rate: .inf}", 10, "learning_rate"),
        ("cells: [lstm]", "cells: [2020-13-45]", 5, "2020-13-45 looks like a value of type timestamp and is none"),
        ("cells: [lstm]", "cells: [!!int many]", 5, "many looks like a value of type int and is none"),
        ("groups:", "groups:\n  1: [CRAFT]", 3, "this key is read as 1, which is no text; put it in quotes"),
        ("variants: {}", "variants: {true: {cell: rnn}}", 7, "this key is read as true, which is no text"),
        ("images:", "own_corpora:\n  mine:\n    null: here\nimages:", 9, "this key is read as null, which is no text"),
        ("images:", "overrides:\n  - when: {2020-01-01: lstm}\nimages:", 8, 'this key is read as "2020-01-01"'),
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


def test_a_name_of_digits_is_one_in_quotes(tmp_path: Path) -> None:
    study = parameters.read(written(tmp_path, STUDY.replace("groups:", "groups:\n  '1': [NCBI-disease]")))
    assert [*study.groups] == ["1", "disease"]


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


def test_values_are_merged_one_after_the_other_and_checked_in_the_end() -> None:
    options = TrainingOptions()
    momentum, name = {"optimiser": {"momentum": 0.9}}, {"optimiser": {"name": "adam"}}
    assert merged(options, name, place="training").optimiser.name == "adam"
    with pytest.raises(UserError, match="training: `optimiser`: `momentum` is for sgd"):
        merged(options, momentum, name, place="training")
    changed = merged(options, momentum, name, {"optimiser": {"momentum": 0.0}}, place="training")
    assert changed == merged(options, name, place="training")
    with pytest.raises(UserError, match="did you mean `learning_rate`"):
        merged(options, {"optimiser": {"learningrate": 1.0}}, place="training")


def test_no_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file; run from a folder"):
        parameters.read(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("{when: {cell: metalstn}}", "`cell: metalstn` is not known; did you mean `metalstm`?"),
        ("{when: {scope: diseas}}", "`scope: diseas` is not known; did you mean `disease`?"),
        ("{when: {cell: rnn}, training: {epochz: 20}}", "unknown key `epochz`; did you mean `epochs`?"),
        ("{when: {cell: rnn}, training: {epochs: 0}}", "`epochs`: input should be greater than or equal to 1; got 0"),
        ("{when: {cell: rnn}, training: {optimiser: }}", "`optimiser`: input should be a valid dict"),
        ("{when: {cell: rnn}, model: {contextual: tall}}", "there is no language model 'tall'"),
        ("{when: {}, training: {averaging: {last_epoch: 3}}}", "unknown key `averaging.last_epoch`; did you mean"),
    ],
)
def test_an_override_is_checked_though_no_run_is_meant(tmp_path: Path, override: str, words: str) -> None:
    path = written(tmp_path, f"{STUDY}overrides:\n  - {override}\n")
    with pytest.raises(UserError) as caught:
        parameters.read(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}:12: ")


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (
            "{setting: mtm, scope: NCBI-disease}",
            "`scope: NCBI-disease` is no group, but mtm has a model for each group, so no run is meant; name a group",
        ),
        ("{scope: CRAFT, setting: mtm-plus}", "`scope: CRAFT` is no group, but mtm-plus has"),
        ("{setting: stm, scope: disease}", "`scope: disease` is no corpus, but stm has a model for each corpus"),
    ],
)
def test_a_scope_that_its_setting_never_has_is_refused(tmp_path: Path, when: str, words: str) -> None:
    path = written(tmp_path, f"{STUDY}overrides:\n  - when: {when}\n    training: {{epochs: 2}}\n")
    with pytest.raises(UserError) as caught:
        parameters.read(path)
    assert str(caught.value).startswith(f"{path}:12: {words}")


SMALL = "vectors: {corpora: [NCBI-disease]}\nlanguage_models: {small: {}}\noverrides:\n"  # lines 11 to 13


@pytest.mark.parametrize(
    "overrides",
    [
        ["{when: {setting: stm}, model: {tune_words: false}}", "{when: {setting: stm}, model: {contextual: small}}"],
        ["{when: {setting: stm}, model: {contextual: small}}", "{when: {cell: lstm}, model: {tune_words: false}}"],
        # What it needs is said for a corpus that is left out with it.
        ["{when: {setting: stm, scope: linnaeus}, model: {contextual: small}}"],
    ],
)
def test_what_fits_together_is_what_all_overrides_of_a_run_say(tmp_path: Path, overrides: list[str]) -> None:
    lines = "".join(f"  - {override}\n" for override in overrides)
    study = parameters.read(written(tmp_path, f"{STUDY}{SMALL}{lines}"))
    network, _ = network_and_training(study, "stm", "NCBI-disease", "lstm")
    assert network.contextual == (None if len(overrides) == 1 else "small")
    assert network_and_training(study, "mtm", "disease", "lstm")[0].contextual is None


def test_what_does_not_fit_is_told_with_the_run_and_the_override_that_it_began_with(tmp_path: Path) -> None:
    overrides = [
        "{when: {setting: stm}, model: {tune_words: false}}",
        "{when: {setting: stm, scope: NCBI-disease}, model: {contextual: small}}",
        "{when: {scope: NCBI-disease}, model: {tune_words: true}}",
        "{when: {}, training: {epochs: 2}, model: {hidden_size: 50}}",
    ]
    path = written(tmp_path, STUDY + SMALL + "".join(f"  - {override}\n" for override in overrides))
    with pytest.raises(UserError) as caught:
        parameters.read(path)
    assert str(caught.value).startswith(
        f"{path}:16: stm/NCBI-disease/lstm: model: `contextual` needs `tune_words: false`"
    )


def test_without_contextual_vectors_there_is_nothing_to_pool(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"params.yaml:\d+: `model`: `pooling_window` needs `contextual`"):
        parameters.read(written(tmp_path, STUDY + "model: {pooling_window: 100}\n"))


def test_an_unknown_key_among_several_things_of_a_kind_brings_the_nearest(tmp_path: Path) -> None:
    files = "files: {train: a, devel: b, test: c}"
    own = f"own_corpora:\n  mine:\n    folder: here\n    {files}\n    citations:\n      - {{autors: me}}\n"
    with pytest.raises(
        UserError, match=r":16: unknown key `own_corpora.mine.citations.0.autors`; did you mean `authors`"
    ):
        parameters.read(written(tmp_path, STUDY + own))


def test_a_home_folder_that_there_is_not_is_told_with_its_line(tmp_path: Path) -> None:
    own = "own_corpora:\n  mine:\n    folder: ~no-such-user/x\n    files: {train: a, devel: b, test: c}\n"
    with pytest.raises(UserError, match=r"params.yaml:13: `own_corpora.mine.folder`: `~` stands for no home folder"):
        parameters.read(written(tmp_path, STUDY + own))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ("{train: a.tsv, devel: a.tsv, test: c.tsv}", "`train` and `devel` are the same file, a.tsv: scores on what"),
        ("{train: a.tsv, devel: b.tsv, test: {name: ./a.tsv}}", "`train` and `test` are the same file, ./a.tsv"),
        ("{train: a.tsv, devel: b.tsv, test: b.tsv}", "`devel` and `test` are the same file, b.tsv"),
    ],
)
def test_a_file_that_is_two_splits_is_refused_with_its_line(tmp_path: Path, files: str, words: str) -> None:
    own = f"own_corpora:\n  mine:\n    folder: here\n    files: {files}\n"
    with pytest.raises(UserError) as caught:
        parameters.read(written(tmp_path, STUDY + own))
    assert str(caught.value).startswith(f"{tmp_path / 'params.yaml'}:14: `own_corpora.mine.files`: {words}")


def test_a_mistake_in_a_variant_that_reads_images_is_told_with_its_name_and_line(tmp_path: Path) -> None:
    variants = "variants:\n    right: {cell: rnn}\n    wrong: {cell: rnn, training: {epochz: 2}}\n"
    text = STUDY.replace(
        "images: {sets: [], variants: {}, seeds: [2]}\n", f"images:\n  sets: []\n  seeds: [2]\n  {variants}"
    )
    path = written(tmp_path, text)
    with pytest.raises(UserError) as caught:
        parameters.read(path.rename(tmp_path / "other.yaml"))
    place = f"{tmp_path / 'other.yaml'}:12: images.variants.wrong.training: "
    assert str(caught.value) == f"{place}unknown key `epochz`; did you mean `epochs`?"


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
    assert list(EvidenceOptions.model_fields) == list(KINDS)
