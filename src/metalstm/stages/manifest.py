"""What a stage made from what: how a job that has nothing to do is known, whichever engine asks for it."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from metalstm.files import sha256, write_text
from metalstm.plan import Plan


def is_current(plan: Plan) -> bool:
    """Whether plan, inputs and outputs are all as they were when the stage last finished."""
    try:
        noted = json.loads(plan.manifest.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    files = (*plan.inputs.values(), *plan.outputs.values())
    return all(Path(path).is_file() for path in files) and bool(noted == _state(plan))


def write(plan: Plan) -> None:
    """Note the digests of the plan, its inputs and its outputs."""
    write_text(plan.manifest, json.dumps(_state(plan), indent=1) + "\n")


def touch(plan: Plan) -> None:
    """Give the outputs and the manifest the present time: engines that go by time take them for new."""
    for path in (*map(Path, plan.outputs.values()), plan.manifest):
        os.utime(path)


def _state(plan: Plan) -> dict[str, object]:
    return {
        "plan": sha256(plan.path),
        "inputs": _digests(plan.inputs.values()),
        "outputs": _digests(plan.outputs.values()),
    }


def _digests(paths: Iterable[str]) -> dict[str, str]:
    return {path: sha256(Path(path)) for path in paths}
