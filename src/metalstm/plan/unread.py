"""Which jobs make what nothing reads: params.yaml may declare more than the taggers of a study want.

It stands in a file of its own and in no plan, since it is no part of what a job makes.
"""

from collections.abc import Mapping

from metalstm.errors import UserError
from metalstm.files import write_text_if_changed
from metalstm.plan.job import PLANS, Plan

FILE = PLANS / "unread.txt"
OPTIONAL = ("text", "language_model", "contextual", "gazetteer")
"""Stages that are there for other jobs alone, and may have none."""


def jobs(plans: Mapping[str, Plan]) -> list[str]:
    """The names of these jobs; a job of `plans` stands after those that it needs."""
    wanted: set[str] = set()
    unread = []
    for plan in reversed(list(plans.values())):
        if plan.stage in OPTIONAL and wanted.isdisjoint(plan.outputs.values()):
            unread.append(plan.job)
        else:
            wanted.update(plan.inputs.values())
    return unread[::-1]


def write(plans: Mapping[str, Plan]) -> None:
    """Note the jobs, one a line, for `read`."""
    write_text_if_changed(FILE, "".join(f"{job}\n" for job in jobs(plans)))


def read() -> list[str]:
    """The jobs as they were noted.

    Raises:
        UserError: they were not.
    """
    try:
        return FILE.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise UserError(f"{FILE}: no list of jobs; `metalstm plan` writes it") from None
