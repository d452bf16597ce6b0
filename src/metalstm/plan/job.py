"""One job: what it reads, what it writes, and everything that decides what it writes.

This much of the plans is all that the stages know.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from metalstm.corpora.splits import SPLITS
from metalstm.errors import UserError

SCORED_SPLITS = ("devel", "test")
PLANS = Path("results/plan")
PARAMS = PLANS / "params.yaml"
"""What the plans were made of; the study's own may have changed since."""
MANIFESTS = Path("results/manifest")
MODEL_FILES = ("model.safetensors", "model.json", "history.csv", "training.json")
VECTORS = {"vectors": "data/vectors/words.bin"}


def iobes(corpus: str) -> dict[str, str]:
    """Where a corpus of the study stands, converted."""
    return {split: f"data/iobes/{corpus}/{split}.tsv" for split in SPLITS}


def language_model(name: str) -> dict[str, str]:
    """The files of a language model of the study."""
    folder = "data/vectors/language_models"
    return {"weights": f"{folder}/{name}.safetensors", "report": f"{folder}/{name}.json"}


def contextual(name: str, corpus: str) -> dict[str, str]:
    """What a language model of the study says of the sentences of a corpus."""
    return {"features": f"data/vectors/contextual/{name}/{corpus}.safetensors"}


def gazetteer(name: str) -> dict[str, str]:
    """A list of names of the study, as numbers."""
    return {"names": f"data/vectors/gazetteers/{name}.safetensors"}


class Named(dict[str, Any]):
    """What a plan that was read has by name; a name that it lacks is one that its version did not know."""

    def __missing__(self, name: str) -> NoReturn:
        """Refuse the plan."""
        raise UserError(f"the plan says nothing of {name!r}: another version wrote it; `metalstm plan` writes it anew")


@dataclass(frozen=True, slots=True)
class Plan:
    """One job: what it reads, what it writes, and everything that decides what it writes."""

    job: str
    """The job's name and the plan's place, such as `train/stm/NCBI-disease/lstm/seed-1`."""
    inputs: dict[str, str] = field(default_factory=dict)
    """Role to path, relative to the study's folder."""
    outputs: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    """Digest of the source that the job runs."""

    @property
    def stage(self) -> str:
        """The first part of the job's name, such as `train`."""
        return self.job.split("/")[0]

    @property
    def path(self) -> Path:
        """Where the plan is written."""
        return PLANS / f"{self.job}.json"

    @property
    def manifest(self) -> Path:
        """Where the stage notes what it made from what."""
        return MANIFESTS / f"{self.job}.json"

    def to_json(self) -> str:
        """The plan as it stands in its file."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


def read(path: Path) -> Plan:
    """Read a plan that `write` wrote.

    Raises:
        UserError: there is no such plan, or it is not one.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for key in ("inputs", "outputs", "parameters"):
            if isinstance(value := content.get(key, {}), dict):
                content[key] = Named(value)
        return Plan(**content)
    except FileNotFoundError:
        raise UserError(f"{path}: no such plan; `metalstm plan` writes them") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a plan ({error}); `metalstm plan` writes it anew") from None


@dataclass(frozen=True, slots=True)
class Run:
    """One training: a setting, the corpus or group it is for, a cell and a seed."""

    setting: str
    scope: str
    cell: str
    seed: int
    corpora: tuple[str, ...]
    """The corpora that its model is trained on and scored on."""
    joint: bool
    """Whether its sentences come from the files of a joint corpus."""

    @property
    def name(self) -> str:
        """Its place below results/runs."""
        return f"{self.setting}/{self.scope}/{self.cell}/seed-{self.seed}"

    @property
    def folder(self) -> str:
        """Where its files are."""
        return f"results/runs/{self.name}"

    @property
    def metrics(self) -> str:
        """Its scores."""
        return f"{self.folder}/metrics.json"

    def prediction(self, corpus: str, split: str) -> str:
        """Token, gold label and predicted label of one corpus's split."""
        return f"{self.folder}/predictions/{corpus}.{split}.tsv"

    def continued(self, corpus: str) -> str:
        """The weights of a joint model that was trained further for one corpus."""
        return f"{self.folder}/continued/{corpus}.safetensors"
