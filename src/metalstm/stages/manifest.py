"""What a stage made from what: how a job that has nothing to do is known, whichever engine asks for it."""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from metalstm.files import sha256, write_text
from metalstm.plan.job import Plan


def is_current(plan: Plan) -> bool:
    """Whether plan, inputs and outputs are all as they were when the stage last finished."""
    try:
        noted = json.loads(plan.manifest.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    files = (*plan.inputs.values(), *plan.outputs.values())
    return all(Path(path).is_file() for path in files) and bool(noted == basis(plan) | _made(plan))


def basis(plan: Plan) -> dict[str, Any]:
    """The plan's digest and parameters, and the digests of its inputs: what a stage that is about to run builds on."""
    plan_digest = hashlib.sha256(plan.to_json().encode()).hexdigest()
    return {"plan": plan_digest, "parameters": plan.parameters, "inputs": _digests(plan.inputs.values())}


def write(plan: Plan, built_on: dict[str, Any]) -> None:
    """Note what the outputs were made from, `basis` before the stage ran, and their digests."""
    write_text(plan.manifest, json.dumps(built_on | _made(plan), indent=1) + "\n")


def touch(plan: Plan) -> None:
    """Give the outputs and the manifest the present time: engines that go by time take them for new."""
    for path in (*map(Path, plan.outputs.values()), plan.manifest):
        os.utime(path)


def _made(plan: Plan) -> dict[str, Any]:
    return {"outputs": _digests(plan.outputs.values())}


def _digests(paths: Iterable[str]) -> dict[str, str]:
    return {path: sha256(Path(path)) for path in paths}
