"""Plans, Snakefile and dvc.yaml tell the same story: the same jobs, commands, inputs and outputs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from metalstm import parameters
from metalstm.plan import study as planning
from metalstm.plan import unread

ROOT = Path(__file__).parents[1]
JOB = re.compile(r"metalstm stage (\w+)\s+--plan \"?(\S+?\.json)\"?")
STUDY = """\
corpora: [NCBI-disease, BC5CDR-disease, linnaeus]
groups: {disease: [NCBI-disease, BC5CDR-disease], plus_disease: [linnaeus]}
settings: {per_corpus: [stm], per_group: [mtm, mtm-plus]}
cells: [lstm, metalstm, contextual]
seeds: [1, 2]
model: {tune_words: false}
vectors: {corpora: [NCBI-disease, linnaeus]}
language_models: {small: {}, large: {hidden_size: 400}}
gazetteers: {ills: [ills.txt], drugs: [drugs.txt, more.txt]}
variants: {contextual: {cell: lstm, model: {contextual: small, gazetteers: [drugs]}}}
images:
  sets: [MNIST]
  variants: {lstm: {cell: lstm}, metalstm-study: {cell: metalstm, options: {start: study}}}
  seeds: [1, 2]
"""
CORPORA = ("NCBI-disease", "BC5CDR-disease", "linnaeus")
THROUGH = {"vote": "results/manifest/score", "accuracy": "results/manifest/images/MNIST"}
"""What a job reads for DVC: the manifests of the jobs before it, in which the digests of its inputs stand."""


def through(plan: planning.Plan, path: str) -> str:
    """What stands for an input of a job among the dependencies of its DVC stage."""
    if plan.stage == "table":
        made_by = path.removeprefix("results/runs/").split("/")[0]
        stage = "vote" if made_by.endswith("-vote") else made_by if made_by == "dictionary" else "score"
        return f"results/manifest/{stage}"
    return THROUGH.get(plan.stage, path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of its own beside the repository's workflow."""
    folder = tmp_path_factory.mktemp("study")
    shutil.copy(ROOT / "dvc.yaml", folder)
    (folder / "params.yaml").write_text(STUDY, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def plans(folder: Path) -> dict[str, planning.Plan]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        return planning.write(Path("params.yaml"))[1]
    finally:
        os.chdir(before)


def run(folder: Path, *command: str) -> str:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def snakemake_jobs(folder: Path, plans: dict[str, planning.Plan]) -> dict[str, dict[str, set[str]]]:
    """Job to inputs and outputs, from a dry run of everything.

    Snakemake lists the files of a job only where the rule has no message, so a copy without messages is asked.
    """
    copy = folder / "silent"
    shutil.copytree(ROOT / "workflow", copy / "workflow")
    shutil.copy(ROOT / "Snakefile", copy)
    for file in copy.rglob("*.smk"):
        file.write_text(re.sub(r"^ +message:\n.*\n", "", file.read_text("utf-8"), flags=re.M), "utf-8")
    flags = ("--cores", "1", "-n", "-F", "-p", "--workflow-profile", "none")
    text = run(folder, "snakemake", "-s", str(copy / "Snakefile"), *flags)
    jobs = {}
    for block in re.split(r"\n\n+", text):
        command = JOB.search(block)
        if command:
            listed = {key: re.search(rf"^ +{key}: (.*)$", block, re.M) for key in ("input", "output")}
            files = {key: set(found[1].split(", ")) if found else set() for key, found in listed.items()}
            limit = re.search(r"\bruntime=(\d+)", block)
            jobs[command[2]] = {"stage": {command[1]}, **files, "minutes": {limit[1]} if limit else set()}
    return jobs


@pytest.fixture(scope="module")
def dvc_jobs(folder: Path) -> dict[str, dict[str, set[str]]]:
    """The same from DVC's own index of the stages."""
    run(folder, "git", "init", "-q")
    run(folder, "dvc", "init", "-q")
    from dvc.repo import Repo

    with Repo(str(folder)) as repo:
        jobs = {}
        for stage in repo.index.stages:
            command = JOB.search(str(stage.cmd))
            if command:
                jobs[command[2]] = {
                    "stage": {command[1]},
                    "input": {str(Path(dep.fs_path).relative_to(folder)) for dep in stage.deps},
                    "output": {str(Path(out.fs_path).relative_to(folder)) for out in stage.outs},
                }
        return jobs


def test_dvc_needs_no_key_that_params_may_leave_out(tmp_path: Path) -> None:
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    silent = "".join(
        line for line in STUDY.splitlines(keepends=True) if not re.match("variants|language_models|gazetteers", line)
    )
    (tmp_path / "params.yaml").write_text(silent.replace(", contextual]", "]"), encoding="utf-8")
    run(tmp_path, "dvc", "init", "-q", "--no-scm")
    parameters.read(tmp_path / "params.yaml")
    listed = run(tmp_path, "dvc", "stage", "list", "--name-only").split()
    assert "train-stm@stm-linnaeus-lstm-1" in listed
    assert not any("language_model" in stage or "gazetteer" in stage for stage in listed)


def expected(plan: planning.Plan) -> tuple[set[str], set[str]]:
    return {str(plan.path), *plan.inputs.values()}, set(plan.outputs.values())


UNREAD = ["language_model/large", *(f"contextual/large/{corpus}" for corpus in CORPORA), "gazetteer/ills"]
"""What the study declares and no tagger of it reads."""


def test_snakemake_has_the_jobs_of_the_plans_whose_files_are_read(
    plans: dict[str, planning.Plan], snakemake_jobs: dict[str, dict[str, set[str]]]
) -> None:
    read = [plan for job, plan in plans.items() if job not in UNREAD]
    assert set(snakemake_jobs) == {str(plan.path) for plan in read}
    for plan in read:
        inputs, outputs = expected(plan)
        job = snakemake_jobs[str(plan.path)]
        assert (job["stage"], job["input"], job["output"]) == ({plan.stage}, inputs, outputs), plan.job


def test_a_training_asks_for_an_hour_and_that_of_a_group_for_four(
    plans: dict[str, planning.Plan], snakemake_jobs: dict[str, dict[str, set[str]]]
) -> None:
    for plan in plans.values():
        if plan.stage in ("train", "images"):
            is_for_group = plan.parameters["setting"].startswith("mtm")
            assert snakemake_jobs[str(plan.path)]["minutes"] == {"240" if is_for_group else "60"}, plan.job


def test_dvc_has_the_jobs_of_the_plans(
    plans: dict[str, planning.Plan], dvc_jobs: dict[str, dict[str, set[str]]]
) -> None:
    assert set(dvc_jobs) == {str(plan.path) for plan in plans.values()}
    for plan in plans.values():
        inputs, outputs = expected(plan)
        job = dvc_jobs[str(plan.path)]
        assert job["stage"] == {plan.stage}
        assert str(plan.path) in job["input"]
        for path in outputs:
            assert any(path == out or path.startswith(f"{out}/") for out in job["output"]), (plan.job, path)
        for path in inputs:
            listed = through(plan, path)
            assert any(listed == dep or listed.startswith(f"{dep}/") for dep in job["input"]) or (
                path == str(plan.path)
            ), (plan.job, path)


def test_what_no_tagger_reads_is_made_for_who_asks_snakemake_for_it(
    folder: Path, plans: dict[str, planning.Plan]
) -> None:
    target = plans["language_model/large"].outputs["weights"]
    for _ in range(2):
        listed = run(
            folder, "snakemake", "-s", str(ROOT / "Snakefile"), "-n", "-p", "--workflow-profile", "none", target
        )
        assert "metalstm stage language_model --plan results/plan/language_model/large.json" in listed
        # DVC visits all that is declared. What it is left with must not be taken for what was asked for.
        run(
            folder,
            "metalstm",
            "stage",
            "language_model",
            "--plan",
            str(plans["language_model/large"].path),
            "--if-read",
        )
        assert not (folder / target).read_bytes()
    (folder / target).unlink()


def test_dvc_makes_nothing_that_no_tagger_reads(dvc_jobs: dict[str, dict[str, set[str]]]) -> None:
    for job in dvc_jobs.values():
        assert ("results/plan/unread.txt" in job["input"]) == (job["stage"] <= set(unread.OPTIONAL))
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    commands = re.findall(r"metalstm stage (\w+) --plan \S+( --if-read)?", text)
    assert {stage for stage, flag in commands if flag} == set(unread.OPTIONAL)


def test_dvc_keeps_no_copy_and_removes_nothing(folder: Path, dvc_jobs: dict[str, dict[str, set[str]]]) -> None:
    from dvc.repo import Repo

    with Repo(str(folder)) as repo:
        outs = [out for stage in repo.index.stages for out in stage.outs]
    assert outs
    assert all(out.persist and not out.use_cache for out in outs)


def test_a_setting_left_out_is_left_out_in_both(folder: Path, plans: dict[str, planning.Plan], tmp_path: Path) -> None:
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    study = STUDY.replace("per_group: [mtm, mtm-plus]", "per_group: []").replace("sets: [MNIST]", "sets: []")
    (tmp_path / "params.yaml").write_text(study, encoding="utf-8")
    listed = run(
        tmp_path, "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "1", "-n", "-p", "--workflow-profile", "none"
    )
    assert "/mtm/" not in listed
    assert "MNIST" not in listed
    assert "/stm/" in listed
    run(tmp_path, "git", "init", "-q")
    run(tmp_path, "dvc", "init", "-q")
    stages = run(tmp_path, "dvc", "stage", "list", "--name-only")
    assert "train-stm@stm-linnaeus-lstm-1" in stages
    assert "train-mtm" not in stages
    assert "MNIST" not in stages


def test_a_study_without_images_is_one_in_both(tmp_path: Path) -> None:
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    study = STUDY.split("images:")[0] + "images: {sets: [], variants: {}, seeds: [1]}\n"
    (tmp_path / "params.yaml").write_text(study, encoding="utf-8")
    run(tmp_path, "git", "init", "-q")
    run(tmp_path, "dvc", "init", "-q")
    stages = run(tmp_path, "dvc", "stage", "list", "--name-only")
    assert "score-stm@stm-linnaeus-lstm-1" in stages
    assert "images" not in stages
    assert not parameters.read(tmp_path / "params.yaml").images.sets


def test_config_on_the_command_line_is_refused(folder: Path, plans: dict[str, planning.Plan]) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "1", "-n"),
            *("--workflow-profile", "none", "--config", "epochs=3"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "edit params.yaml" in done.stdout + done.stderr
