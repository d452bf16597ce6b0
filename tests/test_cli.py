import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

IOB2 = "The\tO\nmyotonic\tB-Disease\ndystrophy\tI-Disease\n.\tO\n\nAtaxia\tB-Disease\n\n"
IOBES = "The\tO\nmyotonic\tB-Disease\ndystrophy\tE-Disease\n.\tO\n\nAtaxia\tS-Disease\n\n"


def metalstm(*arguments: object, folder: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "metalstm", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, input=stdin, capture_output=True, text=True, check=False, timeout=120)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a refusal."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().split("\n")
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("convert",),
        ("no-such-command",),
        ("stage", "train"),
        ("stage", "no-such-stage", "--plan", "x"),
        ("convert", "--no-such-option", "a", "b"),
        ("convert", "nowhere.tsv", "b.tsv"),
        ("check", "nowhere.tsv"),
        ("evaluate", "nowhere.tsv", "nowhere.tsv"),
        ("join", "joint", "no-equals-sign"),
        ("join", "joint", "a=nowhere"),
        ("plan",),
        ("stage", "train", "--plan", "nowhere.json"),
        ("show", "nowhere.csv"),
        ("track",),
        ("tag", "--model", "nowhere"),
        ("errors", "nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_1(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert refused(metalstm(*arguments, folder=tmp_path)).startswith("metalstm: ")


@pytest.mark.parametrize(
    "command", ["plan", "stage", "convert", "check", "join", "strip", "evaluate", "errors", "tag", "track"]
)
def test_every_command_has_help(command: str, tmp_path: Path) -> None:
    done = metalstm(command, "--help", folder=tmp_path)
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_convert_finds_out_the_scheme(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(IOB2, encoding="utf-8")
    assert metalstm("convert", "a.tsv", "b.tsv", folder=tmp_path).returncode == 0
    assert (tmp_path / "b.tsv").read_text(encoding="utf-8") == IOBES
    assert metalstm("convert", "b.tsv", "c.tsv", "--from", "iobes", "--to", "iob2", folder=tmp_path).returncode == 0
    assert (tmp_path / "c.tsv").read_text(encoding="utf-8") == IOB2


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["B-x"], "1 sentence, iob2 to iobes"),
        (["B-x", "I-y"], "1 sentence, iob2 to iobes; repaired 1 label that broke iob2 (`metalstm check` says where)"),
        (["B-x", "I-y", "O", "I-y"], "1 sentence, iob2 to iobes; repaired 2 labels that broke iob2 ("),
    ],
)
def test_convert_counts_in_words_that_agree(tmp_path: Path, labels: list[str], said: str) -> None:
    (tmp_path / "a.tsv").write_text("".join(f"a\t{label}\n" for label in labels) + "\n", encoding="utf-8")
    done = metalstm("convert", "a.tsv", "b.tsv", "--from", "iob2", folder=tmp_path)
    assert done.stdout.startswith(f"b.tsv: {said}")


@pytest.mark.parametrize("sent_to_a_file", [False, True])
def test_convert_to_standard_output_writes_its_note_elsewhere(tmp_path: Path, sent_to_a_file: bool) -> None:
    (tmp_path / "a.tsv").write_text(IOB2, encoding="utf-8")
    if sent_to_a_file:
        command = [sys.executable, "-m", "metalstm", "convert", "a.tsv", "/dev/stdout"]
        with (tmp_path / "b.tsv").open("w") as file:
            done = subprocess.run(command, cwd=tmp_path, stdout=file, stderr=subprocess.PIPE, text=True, check=True)
        written = (tmp_path / "b.tsv").read_text(encoding="utf-8")
    else:
        done = metalstm("convert", "a.tsv", "/dev/stdout", folder=tmp_path)
        written = done.stdout
    assert written == IOBES
    assert done.stderr == "/dev/stdout: 2 sentences, iob2 to iobes\n"


def test_convert_adds_to_the_file_that_standard_output_is_at_the_end_of(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(IOB2, encoding="utf-8")
    with (tmp_path / "b.tsv").open("a", encoding="utf-8") as file:
        file.write("before\tO\n\n")
        file.flush()
        for _ in range(2):
            command = [sys.executable, "-m", "metalstm", "convert", "a.tsv", "/dev/stdout"]
            subprocess.run(command, cwd=tmp_path, stdout=file, stderr=subprocess.PIPE, check=True)
        file.write("after\tO\n\n")
    assert (tmp_path / "b.tsv").read_text(encoding="utf-8") == f"before\tO\n\n{IOBES}{IOBES}after\tO\n\n"


def test_strip_to_standard_output_writes_its_note_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "joint.tsv").write_text("<one>\tS-one\nx\tO\n</one>\tS-one\n\n", encoding="utf-8")
    (tmp_path / "all.tsv").symlink_to("/dev/stdout")
    done = metalstm("strip", "joint.tsv", "all.tsv", folder=tmp_path)
    assert (done.stdout, done.returncode) == ("x\tO\n\n", 0)
    assert done.stderr == "all.tsv: 1 sentence\n"


def test_convert_reads_a_pipe(tmp_path: Path) -> None:
    done = metalstm("convert", "/dev/stdin", "b.tsv", folder=tmp_path, stdin=IOB2)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "b.tsv").read_text(encoding="utf-8") == IOBES


def test_convert_names_the_line_of_an_unknown_label(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(IOB2.replace("I-Disease", "foo"), encoding="utf-8")
    line = refused(metalstm("convert", "a.tsv", "b.tsv", folder=tmp_path))
    assert line.startswith("metalstm: a.tsv:3: expected the label O")


def test_convert_refuses_a_folder_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(IOB2, encoding="utf-8")
    assert refused(metalstm("convert", "a.tsv", ".", folder=tmp_path)).startswith("metalstm: .: expected the name")


def test_convert_refuses_to_overwrite_what_it_reads(tmp_path: Path) -> None:
    content = IOB2.replace("\t", "\tNN\t")
    (tmp_path / "a.tsv").write_text(content, encoding="utf-8")
    (tmp_path / "b.tsv").symlink_to("a.tsv")
    for name in ("a.tsv", "b.tsv"):
        line = refused(metalstm("convert", "a.tsv", name, folder=tmp_path))
        assert line.startswith(f"metalstm: {name}: expected another file than a.tsv, which is read and would be lost")
    assert (tmp_path / "a.tsv").read_text(encoding="utf-8") == content


def test_tag_refuses_to_overwrite_what_it_reads(tmp_path: Path) -> None:
    for name in ("text", "labelled"):
        (tmp_path / name).write_text(IOB2, encoding="utf-8")
    given = [("--out", "text", "text"), ("--out", "labelled", "--known", "labelled", "text")]
    for arguments in given:
        line = refused(metalstm("tag", "--model", "nowhere", *arguments, folder=tmp_path))
        assert line.startswith(f"metalstm: {arguments[1]}: expected another file than {arguments[1]}, which is read")


@pytest.mark.parametrize("given", ["nowhere", "."])
def test_track_names_a_folder_without_runs(tmp_path: Path, given: str) -> None:
    absent = "runs" if given == "." else given
    line = refused(metalstm("track", "--results", given, folder=tmp_path))
    assert line.startswith(f"metalstm: {absent}: no such folder; name the folder that holds `runs`")


@pytest.mark.parametrize("source", ["joint", "joint/train.tsv", "empty"])
def test_strip_of_nothing_is_refused(tmp_path: Path, source: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "joint").mkdir()
    (tmp_path / "joint" / "train.tsv").write_text("")
    assert refused(metalstm("strip", source, "apart", folder=tmp_path)).startswith(f"metalstm: {source}: ")


@pytest.mark.parametrize("content", ["", "\n\n", "-DOCSTART-\tO\n\n"])
def test_convert_refuses_a_file_without_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.tsv").write_text(content, encoding="utf-8")
    assert "a.tsv: expected sentences" in refused(metalstm("convert", "a.tsv", "b.tsv", folder=tmp_path))
    assert not (tmp_path / "b.tsv").exists()


def test_check_names_every_line(tmp_path: Path) -> None:
    (tmp_path / "good.tsv").write_text(IOBES, encoding="utf-8")
    (tmp_path / "bad.tsv").write_text("a\tO\nb\tE-x\n\nc\n\n", encoding="utf-8")
    assert metalstm("check", "good.tsv", folder=tmp_path).returncode == 0
    done = metalstm("check", "bad.tsv", folder=tmp_path)
    assert done.returncode == 1
    assert [line.split(":")[:2] for line in done.stdout.strip().split("\n")] == [["bad.tsv", "2"], ["bad.tsv", "4"]]


def test_join_then_strip_gives_the_files_back(tmp_path: Path) -> None:
    for corpus, text in (("one", IOBES), ("two", "x\tO\n\n")):
        for split in ("train", "devel", "test"):
            (tmp_path / corpus).mkdir(exist_ok=True)
            (tmp_path / corpus / f"{split}.tsv").write_text(text, encoding="utf-8")
    assert metalstm("join", "joint", "one=one", "two=two", folder=tmp_path).returncode == 0
    assert (tmp_path / "joint/train.tsv").read_text(encoding="utf-8").startswith("<one>\tS-one\nThe\tO\n")
    (tmp_path / "joint/.node.123.test.tsv").write_text("not finished")
    (tmp_path / "apart").mkdir()
    done = metalstm("strip", "joint", "apart", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for path in tmp_path.glob("apart/*/*.tsv"):
        assert path.read_bytes() == (tmp_path / path.relative_to(tmp_path / "apart")).read_bytes()
    assert len(list(tmp_path.glob("apart/*/*.tsv"))) == 6
    assert metalstm("strip", "joint/test.tsv", "all.tsv", folder=tmp_path).returncode == 0
    assert (tmp_path / "all.tsv").read_text(encoding="utf-8") == IOBES + "x\tO\n\n"


def test_join_refuses_what_is_not_iobes(tmp_path: Path) -> None:
    for split, text in (("train", IOBES), ("devel", IOB2), ("test", IOBES)):
        (tmp_path / f"{split}.tsv").write_text(text, encoding="utf-8")
    line = refused(metalstm("join", "joint", "one=.", folder=tmp_path))
    assert line.startswith("metalstm: devel.tsv:3: expected E-Disease instead of I-Disease")
    assert "`metalstm convert`" in line
    assert not (tmp_path / "joint").exists()


def test_evaluate_prints_one_json_object(tmp_path: Path) -> None:
    (tmp_path / "gold.tsv").write_text(IOBES, encoding="utf-8")
    (tmp_path / "pred.tsv").write_text(IOBES.replace("S-Disease", "O"), encoding="utf-8")
    done = metalstm("evaluate", "gold.tsv", "pred.tsv", "--json", folder=tmp_path)
    assert done.returncode == 0
    scores = json.loads(done.stdout)
    assert set(scores) == {"strict", "conlleval", "study"}
    assert scores["strict"]["precision"] == 100.0
    assert scores["strict"]["recall"] == 50.0
    assert scores["strict"]["by_type"]["Disease"]["support"] == 2


def test_evaluate_converts_what_is_not_iobes_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "gold.tsv").write_text(IOB2, encoding="utf-8")
    done = metalstm("evaluate", "gold.tsv", "gold.tsv", "--json", folder=tmp_path)
    assert json.loads(done.stdout)["strict"]["f1"] == 100.0
    assert "converted to iobes" in done.stderr


@pytest.mark.parametrize(
    ("gold", "predicted", "f1", "said"),
    [
        (IOBES, IOB2, 100.0, "metalstm: pred.tsv (iob2): converted to iobes\n"),
        (IOBES, IOB2.replace("B-", "I-"), 100.0, "metalstm: pred.tsv (iob1): converted to iobes\n"),
        (IOB2, IOBES, 100.0, "metalstm: gold.tsv (iob2): converted to iobes\n"),
        (IOBES, IOBES.replace("E-", "I-"), pytest.approx(200 / 3), ""),
    ],
)
def test_evaluate_reads_a_valid_prediction_in_its_own_scheme(
    tmp_path: Path, gold: str, predicted: str, f1: float, said: str
) -> None:
    (tmp_path / "gold.tsv").write_text(gold, encoding="utf-8")
    (tmp_path / "pred.tsv").write_text(predicted, encoding="utf-8")
    done = metalstm("evaluate", "gold.tsv", "pred.tsv", "--json", folder=tmp_path)
    assert json.loads(done.stdout)["strict"]["f1"] == f1
    assert done.stderr == said


def test_evaluate_names_the_first_difference_between_files(tmp_path: Path) -> None:
    (tmp_path / "gold.tsv").write_text(IOBES, encoding="utf-8")
    (tmp_path / "pred.tsv").write_text(IOBES.replace("Ataxia", "Anoxia"), encoding="utf-8")
    line = refused(metalstm("evaluate", "gold.tsv", "pred.tsv", folder=tmp_path))
    assert "sentence 2 differs" in line
    assert "'Ataxia'" in line


@pytest.mark.parametrize("options", [(), ("--tokens",), ("-",), ("--tokens", "-")])
def test_tag_reads_a_socket_and_names_the_line_that_is_not_utf_8(tmp_path: Path, options: tuple[str, ...]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall("No\nCaf\u00e9\n".encode("latin-1"))
        ours.shutdown(socket.SHUT_WR)
        command = [sys.executable, "-m", "metalstm", "tag", "--model", "nowhere", *options]
        done = subprocess.run(command, cwd=tmp_path, stdin=theirs, capture_output=True, text=True, check=False)
    assert refused(done).startswith("metalstm: /dev/stdin:2: expected UTF-8, but found byte 0xe9")


@pytest.mark.parametrize("form", ["tsv", "brat", "html"])
def test_tag_refuses_several_files_where_their_texts_could_not_be_told_apart(tmp_path: Path, form: str) -> None:
    line = refused(metalstm("tag", "--model", "nowhere", "--format", form, "a.txt", "b.txt", folder=tmp_path))
    assert line.startswith(f"metalstm: 2 files: expected one, for `--format {form}` holds a single text; name one file")


def test_short_commands_import_no_large_library() -> None:
    code = (
        "import sys; from metalstm import cli; from metalstm.plan import study;"
        "from metalstm.corpora import check, columns, joint, schemes;"
        "large = {'torch', 'mlflow', 'gensim', 'seqeval', 'pandas', 'scipy', 'numba'};"
        "print(sorted(large & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_evaluate_shows_a_type_that_looks_like_markup(tmp_path: Path) -> None:
    (tmp_path / "gold.tsv").write_text(f"a\tS-[/x]\nb\tS-[gene]\nc\tS-{'x' * 90}\n\n", encoding="utf-8")
    done = metalstm("evaluate", "gold.tsv", "gold.tsv", folder=tmp_path)
    assert done.returncode == 0
    assert "[/x]" in done.stdout
    assert "[gene]" in done.stdout
    assert done.stdout.replace("\n", "").replace(" ", "").count("x") > 90


def test_a_reader_who_has_seen_enough_is_no_fault(tmp_path: Path) -> None:
    command = f"{sys.executable} -m metalstm cells | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_file_name_may_be_no_utf_8(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(IOB2, encoding="utf-8")
    command = [sys.executable, "-m", "metalstm", "convert", "a.tsv", b"caf\xe9.tsv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert b"caf\xe9.tsv" in done.stdout
    assert Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.tsv")).read_text("utf-8") == IOBES


def test_output_is_utf_8_whatever_the_locale(tmp_path):
    code = (
        "import sys\nfrom metalstm import cli\nsys.argv = ['metalstm', '--help']\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    print('TNF\u03b1')"
    )
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=True, cwd=tmp_path)
    assert done.stdout.decode("utf-8").endswith("TNF\u03b1\n")


def test_a_stage_has_one_thread_whatever_the_environment_says(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from metalstm import cli\n"
        "sys.argv = ['metalstm', 'stage', 'train', '--plan', 'nowhere.json']\n"
        "try:\n"
        "    cli.app(standalone_mode=False)\n"
        "except cli.UserError:\n"
        "    import numba, numpy, torch\n"
        "    from threadpoolctl import threadpool_info\n"
        "    pools = {pool['num_threads'] for pool in threadpool_info()}\n"
        "    print(torch.get_num_threads(), numba.get_num_threads(), *pools)\n"
    )
    names = ("OMP", "OPENBLAS", "MKL", "NUMBA", "NUMEXPR")
    environment = os.environ | {f"{name}_NUM_THREADS": "8" for name in names}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert {*done.stdout.split()} == {"1"}
