"""What decides in a run: network and training of the study, changed as its variant and overrides say."""

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import product
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from metalstm import faults
from metalstm.errors import UserError
from metalstm.nn.options import StudyNetworkOptions
from metalstm.schema import Change, Study
from metalstm.studies.options import RowsOptions
from metalstm.training.options import JointTrainingOptions, LoopOptions

Location = tuple[int | str, ...]
"""Where something stands in the document: keys, and numbers in lists."""
Chosen = TypeVar("Chosen", bound=BaseModel)


class TrainingError(UserError):
    """Values of `training` that do not fit together, and where they stand in it: one to change first."""

    def __init__(self, message: str, *places: Location) -> None:
        """Say `message` of what stands at `places`."""
        super().__init__(message)
        self.places = places

    def nearest(self, training: dict[str, Any]) -> Location:
        """The first of the places that a change of `training` has values for; none, and it is the whole of it."""
        return next((place for place in self.places if _stands(training, place)), ())


def _stands(values: Any, place: Location) -> bool:
    for key in place:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def trainings(study: Study) -> Iterator[tuple[str, str, str]]:
    """Setting, scope and cell of every training of a tagger; each is done with every seed."""
    yield from product(study.settings.per_corpus, study.corpora, study.cells)
    yield from product(study.settings.per_group, study.groups, study.cells)


def network_and_training(
    study: Study, setting: str, scope: str, cell: str
) -> tuple[StudyNetworkOptions, JointTrainingOptions]:
    """What decides in the runs of a setting, scope and cell, after all changes that are for them."""
    return changed(study, [*changes_of(study, setting, scope, cell).values()])


def changes_of(study: Study, setting: str, scope: str, cell: str) -> dict[Location, Change]:
    """The changes for such runs, by their places in the document: that of the variant, then each override in turn."""
    changes: dict[Location, Change] = {}
    if cell in study.variants:
        changes["variants", cell] = study.variants[cell]
    for number, override in enumerate(study.overrides):
        if override.when.matches(setting, scope, cell):
            changes["overrides", number] = override
    return changes


def changed(study: Study, changes: Sequence[Change]) -> tuple[StudyNetworkOptions, JointTrainingOptions]:
    """Network and training after the last of the changes; only then must all values fit together.

    Raises:
        UserError: they do not, or one of them would do nothing.
    """
    network = merged(study.model, *(change.model for change in changes), place="model")
    training = merged(study.training, *(change.training for change in changes), place="training")
    _require_enough_epochs(training, "training")
    _require_rate_of_its_own(study.training, training, [change.training for change in changes], "training")
    if training.mixed_precision and training.device == "cpu":
        raise UserError(
            "training: `mixed_precision` is for a graphics processor, and `device: cpu` uses none; "
            "set it to false, or `device` to auto"
        )
    return network, training


def image_options(study: Study, variant: str) -> RowsOptions:
    """Network and training of a variant that reads images.

    Raises:
        UserError: what it says of its training is wrong, or would do nothing.
    """
    common = RowsOptions.model_validate(study.images.model_dump(include=set(RowsOptions.model_fields)))
    own = study.images.variants[variant].training
    place = f"images.variants.{variant}.training"
    options = merged(common, own, place=place)
    _require_enough_epochs(options, place)
    _require_rate_of_its_own(common, options, [own], place)
    return options


def _require_enough_epochs(options: LoopOptions, place: str) -> None:
    """A mean of more epochs than there are would be one of fewer; nobody would lose patience, no warm-up would end."""
    epochs, warmup = options.epochs, options.schedule.warmup_epochs
    averaged = options.averaging.last_epochs if options.averaging is not None else 0
    fewer = f"is not less than `epochs` ({epochs}); give it fewer"
    for key, value, most, words in (
        ("averaging.last_epochs", averaged, epochs, f"is more than `epochs` ({epochs}); give it at most as many"),
        ("patience", options.patience or 0, epochs - 1, f"{fewer}, or null"),
        ("schedule.warmup_epochs", warmup, epochs - 1, f"{fewer}, so that one has the full rate"),
    ):
        if value > most:
            raise TrainingError(f"{place}: `{key}` ({value}) {words}", tuple(key.split(".")), ("epochs",))


def _require_rate_of_its_own(
    common: LoopOptions, options: LoopOptions, changes: Sequence[dict[str, Any]], place: str
) -> None:
    """The rate of sgd, which a change that names another optimiser would take over, is far too high for that one."""
    is_named = any("learning_rate" in change.get("optimiser", {}) for change in changes)
    if common.optimiser.name == "sgd" != options.optimiser.name and not is_named:
        raise UserError(
            f"{place}: {options.optimiser.name} needs a `learning_rate`; {options.optimiser.learning_rate:g} is that "
            "of sgd, and far too high for it"
        )


def merged(options: Chosen, *changes: dict[str, Any], place: str) -> Chosen:
    """`options` with the nested values of all `changes`, in their order, in the place of theirs, checked in the end.

    Raises:
        UserError: an unknown key or a value that does not fit; `place` says what `options` are.
    """
    try:
        return type(options).model_validate(reduce(merge, changes, options.model_dump()))
    except ValidationError as error:
        raise UserError(f"{place}: {faults.in_words(faults.first(error), type(options))}") from None


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `changes` in the place of its own, dictionaries by their keys."""
    result = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        result[key] = merge(base[key], value) if both else value
    return result
