"""What a shell is told at the end, whatever became of the output."""

import subprocess
import sys
from pathlib import Path

import pytest

ENDS = ("| true", ">&-", "> /dev/full")
SAID = {"| true": "", ">&-": "", "> /dev/full": "metalstm: output: No space left on device\n"}


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line in which `metalstm` is the command; the exit code is that of the command, not that of its reader."""
    command = f'metalstm() {{ "{sys.executable}" -m metalstm "$@"; }}; set -o pipefail; {line}'
    return subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("end", ENDS)
def test_check_says_whether_there_are_faults_whoever_reads_them(tmp_path: Path, end: str) -> None:
    (tmp_path / "good.tsv").write_text("a\tO\n\n", "utf-8")
    (tmp_path / "bad.tsv").write_text("a\tWrong\n" * 20_000 + "\n", "utf-8")
    bad = shell(f"metalstm check bad.tsv {end}", tmp_path)
    assert (bad.returncode, bad.stderr) == (1, "metalstm: bad.tsv: 20,000 faults\n")
    good = shell(f"metalstm check good.tsv {end}", tmp_path)
    assert (good.returncode, good.stderr) == (int(end == "> /dev/full"), SAID[end])


@pytest.mark.parametrize("end", ENDS)
def test_a_command_without_a_reader_ends_without_a_traceback(tmp_path: Path, end: str) -> None:
    done = shell(f"metalstm cells {end}", tmp_path)
    assert (done.returncode, done.stderr) == (int(end == "> /dev/full"), SAID[end])


def test_a_stage_that_lost_its_reader_is_not_taken_for_done(tmp_path: Path) -> None:
    lines = (
        "from metalstm import cli\nfrom metalstm.stages import run\n"
        "def told(name, plan, if_read):\n    print('x' * 100_000)\n    return True\nrun.run = told\ncli.main()"
    )
    (tmp_path / "told.py").write_text(lines, "utf-8")
    python = f'"{sys.executable}" told.py stage join --plan plan.json'
    assert (shell(f"{python} | true", tmp_path).returncode, shell(python, tmp_path).returncode) == (141, 0)
