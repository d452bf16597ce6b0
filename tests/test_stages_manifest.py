import json
import os
from pathlib import Path

import pytest

from metalstm.errors import UserError
from metalstm.plan.job import Plan
from metalstm.plan.unread import FILE
from metalstm.stages import join, run

SENTENCES = "a\tO\nb\tS-Disease\n\nc\tO\n\n"


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A join of two small corpora, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    splits = ("train", "devel", "test")
    files = {f"{corpus}.{split}": f"iobes/{corpus}/{split}.tsv" for corpus in ("one", "two") for split in splits}
    for file in files.values():
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(SENTENCES, encoding="utf-8")
    plan = Plan("join/both", files, {split: f"joint/{split}.tsv" for split in splits}, {"corpora": ["one", "two"]})
    plan.path.parent.mkdir(parents=True)
    plan.path.write_text(plan.to_json(), encoding="utf-8")
    return plan


def test_a_stage_runs_once(plan: Plan) -> None:
    assert run.run("join", plan.path)
    assert not run.run("join", plan.path)


@pytest.mark.parametrize("what", ["plan", "input", "output", "lost output", "lost manifest"])
def test_a_stage_runs_again_after_a_change(plan: Plan, what: str) -> None:
    run.run("join", plan.path)
    if what == "plan":
        plan.path.write_text(plan.to_json().replace('"code": ""', '"code": "new"'), encoding="utf-8")
    elif what == "input":
        Path(plan.inputs["two.test"]).write_text(SENTENCES + SENTENCES, encoding="utf-8")
    elif what == "output":
        Path(plan.outputs["test"]).write_text(SENTENCES, encoding="utf-8")
    elif what == "lost output":
        Path(plan.outputs["test"]).unlink()
    else:
        plan.manifest.unlink()
    assert run.run("join", plan.path)
    assert not run.run("join", plan.path)


def note(*unread: str) -> None:
    FILE.write_text("\n".join(unread), encoding="utf-8")


def test_what_nothing_reads_is_made_for_who_asks(plan: Plan) -> None:
    note(plan.job)
    assert not run.run("join", plan.path, if_read=True)
    assert not any(Path(path).read_bytes() for path in plan.outputs.values())
    assert not plan.manifest.exists()
    assert run.run("join", plan.path)
    assert all(Path(path).read_bytes() for path in plan.outputs.values())


def test_what_was_made_stays_whether_it_is_read_or_not(plan: Plan) -> None:
    for number, unread in enumerate([[], [plan.job], []]):
        note(*unread)
        assert run.run("join", plan.path, if_read=True) == (number == 0)
        assert Path(plan.outputs["train"]).read_bytes()


def test_what_is_read_must_be_known(plan: Plan) -> None:
    with pytest.raises(UserError, match=r"unread.txt: no list of jobs; `metalstm plan` writes it"):
        run.run("join", plan.path, if_read=True)


def test_what_is_current_is_touched_and_not_written(plan: Plan) -> None:
    run.run("join", plan.path)
    path = Path(plan.outputs["train"])
    node = path.stat().st_ino
    os.utime(path, (1, 1))
    run.run("join", plan.path)
    assert path.stat().st_ino == node
    assert path.stat().st_mtime > 1


def test_a_stage_that_fails_notes_nothing(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(plan: Plan) -> None:
        raise UserError("broken")

    monkeypatch.setattr(join, "run", fail)
    with pytest.raises(UserError, match="broken"):
        run.run("join", plan.path)
    assert not plan.manifest.exists()


def test_a_missing_input_is_named_with_what_to_do(plan: Plan) -> None:
    Path(plan.inputs["two.test"]).unlink()
    with pytest.raises(
        UserError, match=r"iobes/two/test.tsv: no such file; join/both reads it as two.test: run the stage"
    ):
        run.run("join", plan.path)


def test_a_plan_of_another_stage_is_refused(plan: Plan) -> None:
    with pytest.raises(UserError, match="a plan for the stage join, not for train"):
        run.run("train", plan.path)


def test_a_plan_that_changes_while_its_stage_runs_is_not_taken_for_done(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = plan.to_json().replace('"code": ""', '"code": "new"')
    done = join.run

    def run_and_change(plan: Plan) -> None:
        done(plan)
        plan.path.write_text(changed, encoding="utf-8")

    monkeypatch.setattr(join, "run", run_and_change)
    run.run("join", plan.path)
    assert plan.path.stat().st_mtime >= Path(plan.outputs["train"]).stat().st_mtime
    monkeypatch.setattr(join, "run", done)
    assert run.run("join", plan.path)


@pytest.mark.parametrize("lost", [("inputs", "one.devel"), ("parameters", "corpora"), ("inputs",), ("parameters",)])
def test_a_plan_of_another_version_is_told(plan: Plan, lost: tuple[str, ...]) -> None:
    content = json.loads(plan.path.read_text(encoding="utf-8"))
    (content[lost[0]] if len(lost) > 1 else content).pop(lost[-1])
    plan.path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=r"the plan says nothing of '.*': another version wrote it; `metalstm plan`"):
        run.run("join", plan.path)
