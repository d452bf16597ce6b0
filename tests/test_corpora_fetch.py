"""Fetching: whole verified files from mirrors and addresses, through every fault of a network and a disk."""

import errno
import gzip
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from metalstm.corpora import catalogue
from metalstm.corpora.catalogue import Source
from metalstm.corpora.fetch import MIRROR, Patience, fetch
from metalstm.errors import UserError
from metalstm.files import git_blob_id

CONTENT = b"token\tO\n\n" * 20_000
HALF = len(CONTENT) // 2
HURRIED = Patience(attempts=3, first_wait=0.001, longest_wait=0.002, connect=2.0, read=2.0)


@dataclass
class Upstream:
    """A server whose next answers for a path may be faulty: `faults` are used up one an answer."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    ranges: bool = True
    encoding: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        stretch = request.headers.get("Range")
        self.asked.append((request.path, stretch))
        fault = self.faults[request.path].pop(0) if self.faults.get(request.path) else ""
        content = self.files.get(request.path)
        if fault.isdigit():
            request.send_error(int(fault))
        elif content is None:
            request.send_error(404)
        else:
            self._send(request, content, stretch if self.ranges else None, fault)

    def _send(self, request: BaseHTTPRequestHandler, content: bytes, stretch: str | None, fault: str) -> None:
        begin = int(stretch.removeprefix("bytes=").removesuffix("-")) if stretch else 0
        if stretch and begin >= len(content):
            request.send_error(416)
            return
        body = content[begin:]
        if fault == "wrong stretch":
            begin += 1
        request.send_response(206 if stretch else 200)
        if stretch:
            request.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        if self.encoding:
            request.send_header("Content-Encoding", self.encoding)
        if fault != "no length, cut":
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: len(body) // 2] if "cut" in fault else body)
        request.close_connection = True


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    state = Upstream(files={"/c/train.tsv": CONTENT})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state.address = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tmp_path / "data" / "raw" / "c"


@pytest.fixture
def blob(tmp_path: Path) -> str:
    (tmp_path / "content").write_bytes(CONTENT)
    return git_blob_id(tmp_path / "content")


@pytest.fixture
def source(upstream: Upstream, blob: str) -> Source:
    return Source("train.tsv", url=f"{upstream.address}/c/train.tsv", blob=blob, bytes=len(CONTENT))


def bring(source: Source, raw: Path, mirror: str | Path = "") -> list[str]:
    """Fetch one file and return the lines reported."""
    lines: list[str] = []
    fetch({"train": source}, raw, mirror=mirror, report=lines.append, patience=HURRIED)
    assert (raw / "train.tsv").is_file()
    return lines


def left(raw: Path) -> list[str]:
    return sorted(path.name for path in raw.iterdir()) if raw.is_dir() else []


def test_a_file_is_fetched_verified_and_then_left_alone(upstream: Upstream, source: Source, raw: Path) -> None:
    assert "verified" in bring(source, raw)[-1]
    assert (raw / "train.tsv").read_bytes() == CONTENT
    assert left(raw) == ["train.tsv"]
    assert bring(source, raw) == [f"{raw / 'train.tsv'}: already there"]
    assert len(upstream.asked) == 1


def test_a_packed_file_stays_packed_whatever_the_server_calls_it(upstream: Upstream, raw: Path) -> None:
    packed = gzip.compress(CONTENT)
    upstream.files["/c/train.tsv.gz"] = packed
    upstream.encoding = "gzip"
    source = Source("train.tsv.gz", url=f"{upstream.address}/c/train.tsv.gz", blob=sha256(packed).hexdigest())
    fetch({"train": source}, raw, mirror="", report=lambda line: None, patience=HURRIED)
    assert (raw / "train.tsv.gz").read_bytes() == packed


def test_what_cannot_be_verified_is_known_by_its_address(upstream: Upstream, raw: Path) -> None:
    upstream.files["/d/train.tsv"] = CONTENT[:HALF]
    for folder, content, asked in (("c", CONTENT, 1), ("c", CONTENT, 1), ("d", CONTENT[:HALF], 2), ("c", CONTENT, 3)):
        bring(Source("train.tsv", url=f"{upstream.address}/{folder}/train.tsv"), raw)
        assert (raw / "train.tsv").read_bytes() == content
        assert len(upstream.asked) == asked


def test_a_changed_file_is_fetched_anew(source: Source, raw: Path) -> None:
    raw.mkdir(parents=True)
    (raw / "train.tsv").write_bytes(CONTENT[:HALF])
    assert "not the file expected" in bring(source, raw)[0]
    assert (raw / "train.tsv").read_bytes() == CONTENT


def test_a_broken_connection_is_resumed(upstream: Upstream, source: Source, raw: Path) -> None:
    upstream.faults["/c/train.tsv"] = ["cut", "cut"]
    bring(source, raw)
    assert (raw / "train.tsv").read_bytes() == CONTENT
    assert [stretch for _, stretch in upstream.asked] == [None, f"bytes={HALF}-", f"bytes={HALF + HALF // 2}-"]
    assert left(raw) == ["train.tsv"]


def test_a_connection_that_ends_without_a_length_is_resumed(upstream: Upstream, source: Source, raw: Path) -> None:
    upstream.faults["/c/train.tsv"] = ["no length, cut"]
    bring(source, raw)
    assert [stretch for _, stretch in upstream.asked] == [None, f"bytes={HALF}-"]


def test_a_later_run_goes_on_where_the_first_broke_off(upstream: Upstream, source: Source, raw: Path) -> None:
    upstream.faults["/c/train.tsv"] = ["cut", "503", "503"]
    with pytest.raises(UserError, match=r"503 .*what has arrived is kept"):
        bring(source, raw)
    assert left(raw) == ["train.tsv.part"]
    bring(source, raw)
    assert upstream.asked[-1][1] == f"bytes={HALF}-"
    assert left(raw) == ["train.tsv"]


def test_a_server_that_ignores_ranges_sends_the_whole(upstream: Upstream, source: Source, raw: Path) -> None:
    upstream.ranges = False
    upstream.faults["/c/train.tsv"] = ["cut"]
    bring(source, raw)
    assert (raw / "train.tsv").read_bytes() == CONTENT


def test_an_answer_for_another_stretch_is_not_appended(upstream: Upstream, source: Source, raw: Path) -> None:
    upstream.faults["/c/train.tsv"] = ["cut", "wrong stretch"]
    bring(source, raw)
    assert (raw / "train.tsv").read_bytes() == CONTENT


@pytest.mark.parametrize("rest", [b"of something else", CONTENT + b"and more"])
def test_a_part_that_does_not_fit_is_thrown_away(rest: bytes, source: Source, raw: Path) -> None:
    raw.mkdir(parents=True)
    (raw / "train.tsv.part").write_bytes(rest)
    bring(source, raw)
    assert (raw / "train.tsv").read_bytes() == CONTENT
    assert left(raw) == ["train.tsv"]


def test_passing_faults_of_the_server_are_waited_out(upstream: Upstream, source: Source, raw: Path) -> None:
    upstream.faults["/c/train.tsv"] = ["500", "429"]
    lines = bring(source, raw)
    assert sum("trying again" in line for line in lines) == 2


def test_a_missing_file_is_asked_for_once(upstream: Upstream, source: Source, raw: Path) -> None:
    upstream.files.clear()
    with pytest.raises(UserError, match=r"/c/train\.tsv: 404 .*METALSTM_MIRROR"):
        bring(source, raw)
    assert len(upstream.asked) == 1
    assert left(raw) == []


@pytest.mark.parametrize("content", [CONTENT.replace(b"O", b"B"), CONTENT[:HALF], b""])
def test_a_wrong_file_is_not_kept(content: bytes, upstream: Upstream, source: Source, raw: Path) -> None:
    upstream.files["/c/train.tsv"] = content
    fault = rf"expected git blob {source.blob} .*got [0-9a-f]{{40}} \({len(content)} bytes"
    with pytest.raises(UserError, match=fault):
        bring(source, raw)
    assert left(raw) == []


def test_no_network_is_one_clear_line(blob: str, raw: Path) -> None:
    nobody = Source("train.tsv", url="http://127.0.0.1:9/c/train.tsv", blob=blob)
    lines: list[str] = []
    with pytest.raises(UserError) as caught:
        fetch({"train": nobody}, raw, mirror="", report=lines.append, patience=HURRIED)
    assert lines == ["http://127.0.0.1:9/c/train.tsv: fetching"]
    line = str(caught.value)
    assert "http://127.0.0.1:9/c/train.tsv: no connection" in line
    assert MIRROR in line
    assert "\n" not in line
    assert left(raw) == []


def test_an_address_that_is_none(blob: str, raw: Path) -> None:
    with pytest.raises(UserError, match="cannot fetch"):
        bring(Source("train.tsv", url="gopher://example.invalid/train.tsv", blob=blob), raw)


def test_without_a_blob_id_a_file_is_called_unverified(upstream: Upstream, source: Source, raw: Path) -> None:
    unknown = Source("train.tsv", url=source.url)
    upstream.faults["/c/train.tsv"] = ["cut"]
    assert "UNVERIFIED" in bring(unknown, raw)[-1]
    assert (raw / "train.tsv").read_bytes() == CONTENT
    assert [stretch for _, stretch in upstream.asked] == [None, None]


def test_without_a_blob_id_nothing_is_kept_to_go_on_from(upstream: Upstream, source: Source, raw: Path) -> None:
    upstream.faults["/c/train.tsv"] = ["cut"] * HURRIED.attempts
    with pytest.raises(UserError, match="broken off"):
        bring(Source("train.tsv", url=source.url), raw)
    assert left(raw) == []


@pytest.fixture
def elsewhere(blob: str) -> Source:
    """A source at an address that nobody answers, for what must come from a mirror."""
    return Source("train.tsv", url="https://corpora.invalid/c/train%20set.tsv", blob=blob, bytes=len(CONTENT))


def test_a_folder_is_a_mirror(elsewhere: Source, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "mirror" / "corpora.invalid" / "c" / "train set.tsv"
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    assert str(place) in bring(elsewhere, raw, tmp_path / "mirror")[-1]
    monkeypatch.setenv(MIRROR, str(tmp_path / "mirror"))
    again = fetch({"train": elsewhere}, tmp_path / "again", report=lambda line: None)
    assert again["train"].read_bytes() == CONTENT


def test_an_address_is_a_mirror(upstream: Upstream, elsewhere: Source, raw: Path) -> None:
    upstream.files["/m/corpora.invalid/c/train%20set.tsv"] = CONTENT
    bring(elsewhere, raw, f"{upstream.address}/m/")
    assert len(upstream.asked) == 1


def test_what_a_folder_lacks_comes_from_the_address(upstream: Upstream, source: Source, raw: Path) -> None:
    (raw.parent / "mirror").mkdir(parents=True)
    bring(source, raw, raw.parent / "mirror")
    assert len(upstream.asked) == 1


def test_what_an_address_lacks_comes_from_the_next(upstream: Upstream, source: Source, raw: Path) -> None:
    bring(source, raw, f"{upstream.address}/m")
    assert [path for path, _ in upstream.asked] == [f"/m/{upstream.address[7:]}/c/train.tsv", "/c/train.tsv"]


def test_a_mirror_that_is_away_is_asked_for_the_first_file_only(upstream: Upstream, source: Source, raw: Path) -> None:
    lines: list[str] = []
    upstream.files["/c/test.tsv"] = CONTENT
    second = Source("test.tsv", url=f"{upstream.address}/c/test.tsv", blob=source.blob)
    both = {"train": source, "test": second}
    fetch(both, raw, mirror="http://127.0.0.1:9", report=lines.append, patience=HURRIED)
    assert left(raw) == ["test.tsv", "train.tsv"]
    assert sum("not asked again" in line for line in lines) == 1


def test_a_download_broken_off_at_the_mirror_goes_on_at_the_address(
    upstream: Upstream, source: Source, raw: Path
) -> None:
    place = f"/m/{upstream.address[7:]}/c/train.tsv"
    upstream.files[place] = CONTENT
    upstream.faults[place] = ["cut", "500", "500"]
    bring(source, raw, f"{upstream.address}/m")
    assert upstream.asked[-1] == ("/c/train.tsv", f"bytes={HALF}-")
    assert (raw / "train.tsv").read_bytes() == CONTENT


def test_a_wrong_file_in_a_mirror_is_named(upstream: Upstream, elsewhere: Source, raw: Path, tmp_path: Path) -> None:
    place = tmp_path / "mirror" / "corpora.invalid" / "c" / "train set.tsv"
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match=rf"^{place}: not the file expected.*{MIRROR}"):
        bring(elsewhere, raw, tmp_path / "mirror")
    upstream.files["/corpora.invalid/c/train%20set.tsv"] = CONTENT[:-1]
    with pytest.raises(UserError, match=rf"^{upstream.address}/corpora.invalid.*not the file expected.*{MIRROR}"):
        bring(elsewhere, raw, upstream.address)
    assert left(raw) == []


def test_a_mirror_in_the_home_of_nobody(elsewhere: Source, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR, "~no-such-user/x")
    with pytest.raises(UserError, match=f"^{MIRROR} is '~no-such-user/x': `~` stands for no home folder .*whole path"):
        fetch({"train": elsewhere}, raw, report=lambda line: None, patience=HURRIED)


def test_a_mirror_that_is_nothing(elsewhere: Source, raw: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected a folder that is there"):
        bring(elsewhere, raw, tmp_path / "nowhere")


def test_an_own_folder_is_copied_and_copied_again_once_changed(raw: Path, tmp_path: Path, blob: str) -> None:
    path = tmp_path / "mine.tsv"
    path.write_bytes(CONTENT)
    mine = Source("train.tsv", path=str(path))
    assert "UNVERIFIED" in bring(mine, raw)[-1]
    assert "already there" in bring(mine, raw)[-1]
    path.write_bytes(CONTENT[:HALF])
    bring(mine, raw)
    assert (raw / "train.tsv").read_bytes() == CONTENT[:HALF]
    with pytest.raises(UserError, match=r"mine\.tsv: not the file expected.*bring the right file"):
        bring(Source("train.tsv", path=str(path), blob=blob), raw)
    assert (raw / "train.tsv").read_bytes() == CONTENT[:HALF]


def test_an_own_folder_without_the_file(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"mine\.tsv: no such file; check `folder`"):
        bring(Source("train.tsv", path=str(tmp_path / "mine.tsv")), raw)


def test_a_full_disk_leaves_nothing(source: Source, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = Path.open

    def full(self: Path, *args: Any) -> Any:
        ready(self, *args).close()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(UserError, match=rf"cannot fetch into {raw}: .*No space left"):
            bring(source, raw)
    assert left(raw) == []


def test_a_place_that_cannot_be_written(source: Source, raw: Path) -> None:
    raw.parent.parent.mkdir()
    raw.parent.write_text("a file where the folder should be")
    with pytest.raises(UserError, match="cannot fetch into"):
        fetch({"train": source}, raw, mirror="", report=lambda line: None, patience=HURRIED)


def test_those_who_come_at_the_same_time_wait_for_one(upstream: Upstream, source: Source, raw: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: bring(source, raw), range(6)))
    assert len(upstream.asked) == 1
    assert left(raw) == ["train.tsv"]


def test_processes_do_not_clash(upstream: Upstream, source: Source, raw: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert all(pool.map(bring, [source] * 4, [raw] * 4))
    assert len(upstream.asked) == 1
    assert (raw / "train.tsv").read_bytes() == CONTENT


@pytest.mark.parametrize("name", list(catalogue.catalogue()))
def test_every_corpus_of_the_mirror(name: str, mirror: Path, tmp_path: Path) -> None:
    sources = catalogue.sources(catalogue.entry(name))
    if not (mirror / (sources[next(iter(sources))].url or "").removeprefix("https://")).is_file():
        pytest.skip(f"the mirror lacks {name}")
    paths = fetch(sources, tmp_path / name, mirror=mirror, report=lambda line: None)
    assert {split: git_blob_id(path) for split, path in paths.items()} == {
        split: source.blob for split, source in sources.items()
    }
    shutil.rmtree(tmp_path / name)
