"""params.yaml: what may stand in it, and how it is read (YAML 1.2, every key known, every value in bounds)."""

from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from metalstm import faults
from metalstm.corpora.catalogue import Corpus, catalogue
from metalstm.errors import UserError
from metalstm.nn import cells
from metalstm.nn.options import StudyNetworkOptions
from metalstm.options import Options, Seed
from metalstm.studies.options import RowsOptions, Variant
from metalstm.training.options import JointTrainingOptions, LanguageModelOptions
from metalstm.vectors.options import NamedText, Text, VectorOptions

MTM_PLUS = "mtm-plus"

_TABLES_OF_ALL = ("all", "cost", "errors")
"""Below results/tables, where groups and sets of images have theirs."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Names = list[Name]
Chosen = TypeVar("Chosen", bound=BaseModel)


def _each_once(values: Any) -> Any:
    twice = sorted({str(value) for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"named more than once: {', '.join(twice)}; name each once")
    return values


Once = AfterValidator(_each_once)
Seeds = Annotated[list[Seed], Field(min_length=1), Once]


class Settings(Options):
    """Which models are trained: one for each corpus, one for each group.

    mtm: all weights are shared, and task tags say which corpus a sentence is from; mtm-plus: no tags, and what
    `model.multitask` and the last options of `training` say.
    """

    per_corpus: Annotated[tuple[Literal["stm"], ...], Field(strict=False), Once]
    per_group: Annotated[tuple[Literal["mtm", "mtm-plus"], ...], Field(strict=False), Once]


class When(Options):
    """The runs that an override is for; what is not named matches all."""

    setting: str | None = None
    scope: str | None = None
    cell: str | None = None

    def matches(self, setting: str, scope: str, cell: str) -> bool:
        """Whether a run of this setting, scope and cell is meant."""
        wanted = zip((self.setting, self.scope, self.cell), (setting, scope, cell), strict=True)
        return all(want is None or want == have for want, have in wanted)


class Override(Options):
    """Values that replace those of `model` and `training` in some runs; nested keys are merged."""

    when: When
    model: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)


class TaggerVariant(Options):
    """A cell under another name, with options, network or training of its own; it is named in `cells` like a cell."""

    cell: str
    options: dict[str, Any] = Field(default_factory=dict)
    """Beside those that `cell_options` has for the cell."""
    model: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)


class StudyVectors(VectorOptions):
    """The word vectors of the study, and the corpora and the texts that they are learned from."""

    corpora: Annotated[Names, Once] = Field(default_factory=list)
    """Names that `corpora` of the study leaves out are left out here too."""
    texts: list[NamedText] = Field(default_factory=list)

    @field_validator("texts")
    @classmethod
    def _each_text_once(cls, texts: list[Text]) -> list[Text]:
        _each_once([text.origin for text in texts])
        return texts

    @model_validator(mode="after")
    def _text_to_learn_from(self) -> "StudyVectors":
        if self.is_learned and not self.corpora and not self.texts:
            raise ValueError("`corpora` and `texts` name nothing to learn from; name some or set `source: random`")
        return self

    @model_validator(mode="after")
    def _downloads_have_names_of_their_own(self) -> "StudyVectors":
        names = [text.name for text in self.texts if text.address]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"`texts` has several addresses that end in {', '.join(sorted(twice))}; name one of each")
        return self


class EvidenceOptions(Options):
    """For which corpora each kind of evidence from beyond a sentence is used."""

    known: Annotated[Names, Once] = Field(default_factory=list)
    abbreviations: Annotated[Names, Once] = Field(default_factory=list)
    names: Annotated[Names, Once] = Field(default_factory=list)


class ScoringOptions(Options):
    """What is scored beside the predictions of a run."""

    evidence: EvidenceOptions | None = None
    """From beyond a sentence; null: each kind where it raises F1 of the devel file."""


class Images(RowsOptions):
    """Which variants of cells read which sets of images; network and training are the same for all."""

    sets: Annotated[Names, Once]
    variants: dict[Name, Variant]
    """Each name is a row of the table."""
    seeds: Seeds

    @model_validator(mode="after")
    def _something_to_train(self) -> "Images":
        if self.sets and not self.variants:
            raise ValueError("`variants` names none to train; name one, or leave `sets` empty")
        return self


class Tracking(Options):
    """Where MLflow keeps the runs."""

    enabled: bool = True
    uri: str = "sqlite:///mlflow.db"


class Study(Options):
    """All of params.yaml."""

    corpora: Annotated[Names, Field(min_length=1), Once]
    groups: dict[Name, Annotated[Names, Once]]
    settings: Settings
    cells: Annotated[Names, Field(min_length=1), Once]
    cell_options: dict[Name, dict[str, Any]] = Field(default_factory=dict)
    variants: dict[Name, TaggerVariant] = Field(default_factory=dict)
    seeds: Seeds
    model: StudyNetworkOptions = StudyNetworkOptions()
    training: JointTrainingOptions = JointTrainingOptions()
    scoring: ScoringOptions = ScoringOptions()
    vectors: StudyVectors = StudyVectors(source="random")
    language_models: dict[Name, LanguageModelOptions] = Field(default_factory=dict)
    """Each is learned once, over the word vectors; `model.contextual` names the one that a tagger reads."""
    overrides: list[Override] = Field(default_factory=list)
    images: Images
    own_corpora: dict[Name, Corpus] = Field(default_factory=dict)
    tracking: Tracking = Tracking()


def read(path: Path) -> Study:
    """Read and check params.yaml.

    Raises:
        UserError: no such file, not UTF-8, not YAML, an unknown key (with the nearest right one), a value of the wrong
            type or out of bounds; with file and line.
    """
    try:
        document = YAML(typ="rt", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run from a folder that has a params.yaml") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: expected UTF-8, but byte {error.start + 1} is not; save the file as UTF-8") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: not YAML: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(document, CommentedMap):
        raise UserError(f"{path}: expected keys and values, such as `cells: [lstm]`")
    return validate(document, path)


def validate(document: Any, path: Path) -> Study:
    """Check a document against the schema; `path` is named in errors, with the line where it is known.

    Raises:
        UserError: the first breach, in words.
    """

    def refuse(location: tuple[int | str, ...], words: str) -> NoReturn:
        line = faults.line_of(document, location)
        raise UserError(f"{path}{f':{line}' if line else ''}: {words}") from None

    try:
        study = Study.model_validate(plain(document))
    except ValidationError as error:
        first = faults.first(error)
        refuse(first["loc"], faults.in_words(first, Study))
    for name, options in study.cell_options.items():
        try:
            check_cell(name, options)
        except UserError as error:
            refuse(("cell_options", name), str(error))
    try:
        check_contextual(study, study.model)
    except UserError as error:
        refuse(("model", "contextual"), str(error))
    if study.language_models and study.vectors.source == "random":
        refuse(("language_models",), "a language model reads word vectors, and `vectors.source: random` gives none")
    if study.language_models and not (study.vectors.corpora or study.vectors.texts):
        refuse(("language_models",), "a language model learns from the text of `vectors`, and that names none")
    for name, variant in study.variants.items():
        if name in cells.names():
            refuse(("variants", name), f"`{name}` is a cell itself; give the variant another name")
        try:
            check_cell(variant.cell, study.cell_options.get(variant.cell, {}) | variant.options)
            check_contextual(study, merged(study.model, variant.model, f"variants.{name}.model"))
            merged(study.training, variant.training, f"variants.{name}.training")
        except UserError as error:
            refuse(("variants", name), str(error))
    named = [*cells.names(), *study.variants]
    for number, name in enumerate(study.cells):
        if name not in named:
            refuse(("cells", number), f"there is no cell {name!r}{faults.nearest(name, named)}")
    for number, name in enumerate(study.images.sets):
        if name in _TABLES_OF_ALL:
            refuse(("images", "sets", number), f"`{name}` is a table of all corpora; give the set another name")
    corpora = [*catalogue(), *study.own_corpora]
    for name, members in study.groups.items():
        if name in corpora:
            refuse(("groups", name), f"{name} is a corpus; give the group another name, so that runs can be told apart")
        if name in _TABLES_OF_ALL:
            refuse(("groups", name), f"`{name}` is a table of all corpora; give the group another name")
        if not set(members) & set(study.corpora):
            refuse(("groups", name), f"group {name} has no corpus of `corpora` left; remove its name too")
        if name in study.images.sets:
            refuse(("groups", name), f"{name} is a set of images with a table of its own; give the group another name")
    for kind, chosen in (study.scoring.evidence or EvidenceOptions()).model_dump().items():
        for number, name in enumerate(chosen):
            if name not in corpora:
                place = ("scoring", "evidence", kind, number)
                refuse(place, f"there is no corpus {name!r}{faults.nearest(name, corpora)}")
    known = {
        "setting": ["stm", "mtm", MTM_PLUS],
        "scope": [*corpora, *study.groups],
        "cell": named,
    }
    for number, override in enumerate(study.overrides):
        for key, names in known.items():
            wanted = getattr(override.when, key)
            if wanted is not None and wanted not in names:
                refuse(
                    ("overrides", number, "when", key),
                    f"`{key}: {wanted}` is not known{faults.nearest(wanted, names)}",
                )
        variant = study.variants.get(override.when.cell or "", TaggerVariant(cell="lstm"))
        try:
            check_contextual(study, merged(merged(study.model, variant.model), override.model))
            merged(merged(study.training, variant.training), override.training)
        except UserError as error:
            refuse(("overrides", number), str(error))
    for name, rows in study.images.variants.items():
        try:
            check_cell(rows.cell, rows.options)
        except UserError as error:
            refuse(("images", "variants", name), str(error))
    return study


def check_cell(cell: str, options: dict[str, Any]) -> None:
    """Raise UserError if there is no such cell, or if it does not have these options for a user to set."""
    cells.check(cell, options)
    if "num_tasks" in options:
        raise UserError(f"`num_tasks` of {cell} follows from the corpora that a model learns from; leave it out")


def check_contextual(study: Study, network: StudyNetworkOptions) -> None:
    """Raise UserError if `network` names a language model that the study does not have."""
    wanted = network.contextual
    if wanted is not None and wanted not in study.language_models:
        known = study.language_models
        hint = faults.nearest(wanted, known) if known else "; `language_models` names none: describe it there"
        raise UserError(f"`model.contextual`: there is no language model {wanted!r}{hint}")


def plain(value: Any) -> Any:
    """The document as plain dictionaries, lists, strings and numbers."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def merged(options: Chosen, changes: dict[str, Any], place: str = "overrides") -> Chosen:
    """`options` with the nested values of `changes` in the place of theirs, checked again.

    Raises:
        UserError: an unknown key or a value that does not fit; `place` says where in params.yaml.
    """
    try:
        return type(options).model_validate(_merge(options.model_dump(), changes))
    except ValidationError as error:
        raise UserError(f"{place}: {faults.in_words(faults.first(error), type(options))}") from None


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        result[key] = _merge(base[key], value) if both else value
    return result
