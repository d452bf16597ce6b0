"""params.yaml: how it is read (YAML 1.2), and what must hold between its parts."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor
from ruamel.yaml.error import YAMLError

from metalstm import faults, stage_names
from metalstm.corpora import catalogue
from metalstm.errors import UserError
from metalstm.nn import cells
from metalstm.overrides import Location, TrainingError, changed, changes_of, image_options, merge, trainings
from metalstm.schema import MTM_PLUS, Change, EvidenceOptions, Study

_TRAINED_FOR = {"stm": "corpus", "mtm": "group", MTM_PLUS: "group"}
"""What each setting trains a model for: the scope of its runs."""
_MENDED_BY_OTHERS = ("value_error", "missing")
"""Faults between values (their validators raise ValueError) and values that may stand in another change."""
_TABLES_OF_ALL = ("all", "choices", "cost", "errors")
"""Below results/tables, where groups and sets of images have theirs."""
Refuse = Callable[[Location, str], NoReturn]


class _Constructor(RoundTripConstructor):
    """Values of YAML, with the line of one that cannot be what it looks like."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """The value of a node."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError):  # a date with a thirteenth month, `!!int many`, `!!bool perhaps`
            kind, value = node.tag.rpartition(":")[2], str(node.value)[:60]
            problem = f"{value} looks like a value of type {kind} and is none; put it in quotes if it is a word"
            raise ConstructorError(None, None, problem, node.start_mark) from None


def read(path: Path) -> Study:
    """Read and check params.yaml.

    Raises:
        UserError: what `document` and `validate` find wrong.
    """
    return validate(document(path), path)


def document(path: Path) -> CommentedMap:
    """The keys and values of params.yaml as they stand, with their lines.

    Raises:
        UserError: what `text` and `parsed` find wrong.
    """
    return parsed(text(path), path)


def text(path: Path) -> str:
    """What stands in params.yaml.

    Raises:
        UserError: no such file, or not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run from a folder that has a params.yaml") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: expected UTF-8, but byte {error.start + 1} is not; save the file as UTF-8") from None


def parsed(text: str, path: Path) -> CommentedMap:
    """The keys and values of a text; `path` is named in errors.

    Raises:
        UserError: not YAML, or nothing with keys; with file and line.
    """
    yaml = YAML(typ="rt", pure=True)
    yaml.Constructor = _Constructor
    try:
        content = yaml.load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = mark.line if mark else text.count("\n", 0, getattr(error, "position", 0))
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise UserError(f"{path}:{place + 1}: not YAML: {problem}") from None
    except RecursionError:
        raise UserError(f"{path}: lists or keys within one another, deeper than anything that is meant here") from None
    if not isinstance(content, CommentedMap):
        raise UserError(f"{path}: expected keys and values, such as `cells: [lstm]`")
    return content


def validate(document: Any, path: Path) -> Study:
    """Check a document against the schema; `path` is named in errors, with the line where it is known.

    Raises:
        UserError: the first breach, in words: an unknown key (with the nearest right one), a value of the wrong type or
            out of bounds, parts that do not go together.
    """

    def refuse(location: Location, words: str) -> NoReturn:
        line = faults.line_of(document, location)
        raise UserError(f"{path}{f':{line}' if line else ''}: {words}") from None

    for place in faults.keys_that_are_no_text(document):
        # What such a key names, DVC leaves out without a word.
        shown = json.dumps(plain(place[-1]), default=str)
        refuse(place, f"this key is read as {shown}, which is no text; put it in quotes")
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
        check_contextual(study, study.model.contextual)
    except UserError as error:
        refuse(("model", "contextual"), str(error))
    try:
        check_gazetteers(study, study.model.gazetteers)
    except UserError as error:
        refuse(("model", "gazetteers"), str(error))
    if study.language_models and study.vectors.source == "random":
        refuse(("language_models",), "a language model reads word vectors, and `vectors.source: random` gives none")
    if study.language_models and not (study.vectors.corpora or study.vectors.texts):
        refuse(("language_models",), "a language model learns from the text of `vectors`, and that names none")
    _check_cells(study, refuse)
    _check_corpora(study, refuse)
    _check_overrides(study, refuse)
    _check_changes(study, refuse)
    _check_runs(study, refuse)
    _check_images(study, refuse)
    if clash := stage_names.clash(study):
        refuse(*clash)
    return study


def _check_cells(study: Study, refuse: Refuse) -> None:
    for name, variant in study.variants.items():
        if name in cells.names():
            refuse(("variants", name), f"`{name}` is a cell itself; give the variant another name")
        try:
            check_cell(variant.cell, study.cell_options.get(variant.cell, {}) | variant.options)
        except UserError as error:
            refuse(("variants", name), str(error))
    named = [*cells.names(), *study.variants]
    for number, name in enumerate(study.cells):
        if name not in named:
            refuse(("cells", number), f"there is no cell {name!r}{faults.nearest(name, named)}")


def _check_corpora(study: Study, refuse: Refuse) -> None:
    _check_names(study, ("corpora",), study.corpora, refuse)
    for number, name in enumerate(study.corpora):
        if catalogue.entry(name, study.own_corpora).kind != "tokens":
            refuse(("corpora", number), f"{name} has no tokens to tag; name it in images.sets")
    known = [*catalogue.catalogue(), *study.own_corpora]
    for name, members in study.groups.items():
        if name in known:
            refuse(("groups", name), f"{name} is a corpus; give the group another name, so that runs can be told apart")
        if name in _TABLES_OF_ALL:
            refuse(("groups", name), f"`{name}` is a table of all corpora; give the group another name")
        # One that is not in `corpora` is left out, and so must not be one that is misspelt.
        _check_names(study, ("groups", name), members, refuse)
        if not set(members) & set(study.corpora):
            refuse(("groups", name), f"group {name} has no corpus of `corpora` left; remove its name too")
        if name in study.images.sets:
            refuse(("groups", name), f"{name} is a set of images with a table of its own; give the group another name")
    if study.settings.per_group and not study.groups:
        refuse(
            ("settings", "per_group"),
            f"`settings.per_group` has {', '.join(study.settings.per_group)}, and `groups` has none to train it for; "
            "name a group, or write `per_group: []` to train for single corpora alone",
        )
    vectors = study.vectors
    _check_names(study, ("vectors", "corpora"), vectors.corpora, refuse)
    if vectors.is_learned and not vectors.texts and not set(vectors.corpora) & set(study.corpora):
        refuse(
            ("vectors", "corpora"),
            f"none of {', '.join(vectors.corpora)} stands in `corpora`, so there is no text to learn from; name some "
            f"of {', '.join(study.corpora)}, or set `source: random`",
        )
    for kind, names in (study.scoring.evidence or EvidenceOptions()).model_dump().items():
        _check_names(study, ("scoring", "evidence", kind), names, refuse)


def _check_names(study: Study, place: Location, names: Sequence[str], refuse: Refuse) -> None:
    """Refuse what is no corpus or set of images at all."""
    for number, name in enumerate(names):
        try:
            catalogue.entry(name, study.own_corpora)
        except UserError as error:
            refuse((*place, number), str(error))


def _check_overrides(study: Study, refuse: Refuse) -> None:
    """Refuse an override that names what there is not, or a scope that its setting never has."""
    scopes = {"corpus": [*catalogue.catalogue(), *study.own_corpora], "group": [*study.groups]}
    known = {
        "setting": [*_TRAINED_FOR],
        "scope": [*scopes["corpus"], *scopes["group"]],
        "cell": [*cells.names(), *study.variants],
    }
    for number, override in enumerate(study.overrides):
        when, place = override.when, ("overrides", number, "when")
        for key, names in known.items():
            wanted = getattr(when, key)
            if wanted is not None and wanted not in names:
                refuse((*place, key), f"`{key}: {wanted}` is not known{faults.nearest(wanted, names)}")
        if when.setting is not None and when.scope is not None:
            kind = _TRAINED_FOR[when.setting]
            if when.scope not in scopes[kind]:
                refuse(
                    (*place, "scope"),
                    f"`scope: {when.scope}` is no {kind}, but {when.setting} has a model for each {kind}, so no run is "
                    f"meant; name a {kind}, or leave `setting` out",
                )


def _check_changes(study: Study, refuse: Refuse) -> None:
    """Refuse what is wrong in a change whatever stands beside it, be it for a run of this study or for none."""
    changes: dict[Location, Change] = {("variants", name): variant for name, variant in study.variants.items()}
    changes |= {("overrides", number): override for number, override in enumerate(study.overrides)}
    for location, change in changes.items():
        for part, options, values in (
            ("model", study.model, change.model),
            ("training", study.training, change.training),
        ):
            place = (*location, part)
            try:
                type(options).model_validate(merge(options.model_dump(), values))
            except ValidationError as error:
                for fault in error.errors():
                    if fault["type"] not in _MENDED_BY_OTHERS:
                        words = faults.in_words(fault, type(options))
                        refuse((*place, *fault["loc"]), f"{'.'.join(map(str, place))}: {words}")
        try:
            check_contextual(study, change.model.get("contextual"))
        except UserError as error:
            refuse((*location, "model", "contextual"), str(error))
        try:
            check_gazetteers(study, change.model.get("gazetteers", []))
        except UserError as error:
            refuse((*location, "model", "gazetteers"), str(error))


def _check_runs(study: Study, refuse: Refuse) -> None:
    """Refuse values that do not fit together in a run, once all that are for it have been merged."""
    for setting, scope, cell in trainings(study):
        changes = changes_of(study, setting, scope, cell)
        try:
            changed(study, [*changes.values()])
        except UserError as error:
            refuse(_where_it_went_wrong(study, changes, error), f"{setting}/{scope}/{cell}: {error}")


def _where_it_went_wrong(study: Study, changes: dict[Location, Change], error: UserError) -> Location:
    """The last change before which all was well: those after it may say nothing of what is wrong.

    Where the error says which keys of `training` it is about, it is the one that the change has.
    """

    def is_well(count: int) -> bool:
        try:
            changed(study, [*changes.values()][:count])
        except UserError:
            return False
        return True

    last = max(filter(is_well, range(len(changes))), default=None)
    if last is None:  # of themselves `model` is right, and `training` may want a change that no run has
        return ("training", *(error.places[0] if isinstance(error, TrainingError) else ()))
    place = [*changes][last]
    key = error.nearest(changes[place].training) if isinstance(error, TrainingError) else ()
    return (*place, "training", *key) if key else place


def _check_images(study: Study, refuse: Refuse) -> None:
    for number, name in enumerate(study.images.sets):
        if name in _TABLES_OF_ALL:
            refuse(("images", "sets", number), f"`{name}` is a table of all corpora; give the set another name")
    _check_names(study, ("images", "sets"), study.images.sets, refuse)
    for number, name in enumerate(study.images.sets):
        if catalogue.entry(name, study.own_corpora).kind != "images":
            refuse(("images", "sets", number), f"{name} has no images; name it in corpora")
    for name, variant in study.images.variants.items():
        try:
            check_cell(variant.cell, variant.options)
            image_options(study, name)
        except TrainingError as error:
            key = error.nearest(variant.training)
            refuse(("images", "variants", name, "training", *key) if key else ("images", *error.places[0]), str(error))
        except UserError as error:
            refuse(("images", "variants", name), str(error))


def check_cell(cell: str, options: dict[str, Any]) -> None:
    """Raise UserError if there is no such cell, or if it does not have these options for a user to set."""
    cells.check(cell, options)
    if "num_tasks" in options:
        raise UserError(f"`num_tasks` of {cell} follows from the corpora that a model learns from; leave it out")


def check_contextual(study: Study, wanted: str | None) -> None:
    """Raise UserError if `model.contextual` names a language model that the study does not have."""
    if wanted is not None and wanted not in study.language_models:
        known = study.language_models
        hint = faults.nearest(wanted, known) if known else "; `language_models` names none: describe it there"
        raise UserError(f"`model.contextual`: there is no language model {wanted!r}{hint}")


def check_gazetteers(study: Study, wanted: Any) -> None:
    """Raise UserError if `model.gazetteers` names a list that the study does not have, or names one twice."""
    names = wanted if isinstance(wanted, list) else []
    for name in names:
        if name not in study.gazetteers:
            known = study.gazetteers
            hint = faults.nearest(name, known) if known else "; `gazetteers` has none: name its files there"
            raise UserError(f"`model.gazetteers`: there is no list of names {name!r}{hint}")
        if names.count(name) > 1:
            raise UserError(f"`model.gazetteers`: {name} is named more than once; name each once")


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
