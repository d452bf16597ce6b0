"""params.yaml as types: every key, every value and its bounds."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, model_validator

from metalstm.corpora.catalogue import Corpus
from metalstm.corpora.texts import NamedText, NamedTextFile, TextFile
from metalstm.nn.options import StudyNetworkOptions
from metalstm.options import Options, Seed
from metalstm.studies.options import RowsOptions, Variant
from metalstm.training.options import JointTrainingOptions, LanguageModelOptions
from metalstm.vectors.options import VectorOptions

MTM_PLUS = "mtm-plus"

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Names = list[Name]
File = TypeVar("File", bound=TextFile)


def _each_once(values: Any) -> Any:
    twice = sorted({str(value) for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"named more than once: {', '.join(twice)}; name each once")
    return values


Once = AfterValidator(_each_once)


def _each_file_once(files: list[File]) -> list[File]:
    """No file twice, and no two downloads that would be kept under one name."""
    _each_once([file.origin for file in files])
    names = [file.name for file in files if file.address]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"there are several addresses that end in {', '.join(sorted(twice))}; name one of each")
    return files


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


Change = TaggerVariant | Override
"""Both have values that replace those of `model` and `training`."""


class StudyVectors(VectorOptions):
    """The word vectors of the study, and the corpora and the texts that they are learned from."""

    corpora: Annotated[Names, Once] = Field(default_factory=list)
    """Names that `corpora` of the study leaves out are left out here too."""
    texts: Annotated[list[NamedText], AfterValidator(_each_file_once)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _text_to_learn_from(self) -> "StudyVectors":
        if self.is_learned and not self.corpora and not self.texts:
            raise ValueError("`corpora` and `texts` name nothing to learn from; name some or set `source: random`")
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
    gazetteers: dict[Name, Annotated[list[NamedTextFile], Field(min_length=1), AfterValidator(_each_file_once)]] = (
        Field(default_factory=dict)
    )
    """Lists of names, a name a line; `model.gazetteers` names those that a tagger looks for."""
    overrides: list[Override] = Field(default_factory=list)
    images: Images
    own_corpora: dict[Name, Corpus] = Field(default_factory=dict)
    tracking: Tracking = Tracking()
