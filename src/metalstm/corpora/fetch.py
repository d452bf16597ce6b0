"""Bring the files of a corpus here, from a mirror or from their address: verified, and never half a file."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from metalstm.corpora.catalogue import Source
from metalstm.corpora.verification import fault_of, forget, is_there, remember
from metalstm.errors import UserError
from metalstm.files import atomic

MIRROR = "METALSTM_MIRROR"
"""Environment variable: a folder or http(s) address that holds HOST/PATH for https://HOST/PATH."""

Report = Callable[[str], None]
_MAY_PASS = {408, 429, *range(500, 600)}


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a download is tried, and how many seconds are waited for what."""

    attempts: int = 4
    first_wait: float = 0.5
    """Before the second attempt; then twice as long each time."""
    longest_wait: float = 8.0
    connect: float = 10.0
    read: float = 30.0
    """Without a byte arriving."""


class _NotHere(Exception):
    """An origin does not give the file."""


class _Interrupted(_NotHere):
    """An origin does not give the file now: worth another attempt."""


_BY_HAND = (
    "its terms do not allow everyone a download: name the folder of your own copy under `own_corpora` in params.yaml, "
    f"or let {MIRROR} name a folder or an http address that holds it"
)


class _Unreachable(_Interrupted):
    """There is no connection to an origin."""


def fetch(
    sources: Mapping[str, Source],
    destination: Path,
    *,
    mirror: str | Path | None = None,
    by_hand: bool = False,
    report: Report | None = None,
    patience: Patience = Patience(),
) -> dict[str, Path]:
    """Fetch what is not there yet, and return where each file stands, by split.

    A mirror is looked into before the address; a file that it lacks comes from the address. Every file is
    verified by its git blob id or SHA-256, where one is known, before it takes its place. A download that breaks off
    leaves `<name>.part`, from which the next attempt goes on. Of several processes one fetches and the others wait.

    Args:
        sources: split to source, as `catalogue.sources` gives them.
        destination: the folder for them, data/raw/<corpus>.
        mirror: a folder or an http(s) address; None: what METALSTM_MIRROR says, if anything; "": none.
        by_hand: the addresses are not asked, since their terms do not allow everyone a download; a mirror is.
        report: takes a line on each file; by default it goes to standard error.
        patience: attempts and waits.

    Raises:
        UserError: no network, no such file, a file that is not what it should be, a full or forbidden disk.
    """
    report = report or _say
    mirror = os.environ.get(MIRROR, "") if mirror is None else str(mirror)
    targets = {split: destination / source.name for split, source in sources.items()}
    try:
        missing = {targets[split]: source for split, source in sources.items() if not is_there(targets[split], source)}
        if missing:
            with _alone(destination, report), ExitStack() as stack:
                fetcher = _Fetcher(mirror, by_hand, report, patience, stack)
                for target, source in missing.items():
                    # Another process may have brought it while this one waited.
                    if not is_there(target, source):
                        fetcher.bring(target, source)
    except OSError as error:
        reason = f"{error.filename or destination}: {error.strerror or error}"
        raise UserError(f"cannot fetch into {destination}: {reason}") from error
    for target in targets.values():
        if target not in missing:
            report(f"{target}: already there")
    return targets


class _Fetcher:
    """What the files of one corpus share while they are fetched: mirror, connection, progress bars."""

    def __init__(self, mirror: str, by_hand: bool, report: Report, patience: Patience, stack: ExitStack) -> None:
        self._mirror = mirror
        self._by_hand = by_hand
        self._report = report
        self._patience = patience
        self._stack = stack
        self._show = stack.enter_context(_bars())
        self._client: httpx.Client | None = None

    def bring(self, target: Path, source: Source) -> None:
        """Fetch one file from the first origin that has it."""
        if target.exists():
            self._report(f"{target}: not the file expected; fetching it anew")
        forget(target)
        refusals: list[_NotHere] = []
        for origin in self._origins(source):
            try:
                if isinstance(origin, Path):
                    self._copy(origin, target, source)
                else:
                    self._load(origin, target, source)
            except _NotHere as refusal:
                refusals.append(refusal)
                if isinstance(refusal, _Interrupted) and origin != source.url:
                    self._report(f"{refusal}; this mirror is not asked again")
                    self._mirror = ""
            else:
                remember(target, source)
                known = "verified" if source.blob else "UNVERIFIED, since no checksum is given"
                self._report(f"{target}: {target.stat().st_size} bytes from {origin}, {known}")
                return
        part = _part(target)
        if not any(isinstance(refusal, _Interrupted) for refusal in refusals):
            # No origin has the file: there is nothing to go on with.
            part.unlink(missing_ok=True)
        advice = _BY_HAND if self._by_hand else _advice(source, part)
        raise UserError(f"cannot fetch {target}: {'; '.join([*map(str, refusals), advice])}")

    def _origins(self, source: Source) -> list[str | Path]:
        if source.url is None:
            return [Path(source.path or "")]
        mirrored: list[str | Path] = [_in_mirror(self._mirror, source.url)] if self._mirror else []
        return mirrored if self._by_hand else [*mirrored, source.url]

    def _copy(self, origin: Path, target: Path, source: Source) -> None:
        if not origin.is_file():
            raise _NotHere(f"{origin}: no such file")
        with atomic(target) as temporary:
            shutil.copyfile(origin, temporary)
            _verify(temporary, source, origin)
        _part(target).unlink(missing_ok=True)

    def _load(self, url: str, target: Path, source: Source) -> None:
        part = _part(target)
        self._report(f"{url}: fetching")
        try:
            pieced = self._receive_patiently(url, part, source)
            if pieced and fault_of(part, source):
                self._report(f"{url}: what was here from an earlier attempt does not fit; fetching the whole")
                part.unlink()
                self._receive_patiently(url, part, source)
            _verify(part, source, url)
            os.replace(part, target)
        except (_NotHere, KeyboardInterrupt, SystemExit):
            # The next origin or the next attempt goes on from here, if the whole can be verified then.
            if part.is_file() and (source.blob is None or not part.stat().st_size):
                part.unlink(missing_ok=True)
            raise
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def _receive_patiently(self, url: str, part: Path, source: Source) -> bool:
        """`_receive`, tried again after what may pass."""

        def before_sleep(state: RetryCallState) -> None:
            fault = state.outcome and state.outcome.exception()
            if not isinstance(fault, _Unreachable):
                self._report(f"{fault}; trying again")

        attempts = Retrying(
            retry=retry_if_exception_type(_Interrupted),
            stop=stop_after_attempt(self._patience.attempts),
            wait=wait_exponential(multiplier=self._patience.first_wait, max=self._patience.longest_wait),
            before_sleep=before_sleep,
            reraise=True,
        )
        return attempts(self._receive, url, part, source)

    def _receive(self, url: str, part: Path, source: Source) -> bool:
        """One answer of the server into `part`; return whether it went on from bytes that were there."""
        begun = part.stat().st_size if source.blob is not None and part.is_file() else 0
        # Uncompressed, so that lengths and ranges count the bytes of the file itself.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begun}-"} if begun else {})
        try:
            with self._connection().stream("GET", url, headers=headers) as response:
                begun = _agreed_start(response, begun, part)
                self._write(response, part, source, begun)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects, httpx.DecodingError) as error:
            raise _NotHere(f"{url}: {error}") from error
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
            if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
                raise _Unreachable(f"{url}: no connection ({why})") from error
            raise _Interrupted(f"{url}: broken off ({why})") from error
        return begun > 0

    def _write(self, response: httpx.Response, part: Path, source: Source, begun: int) -> None:
        length = response.headers.get("Content-Length")
        total = begun + int(length) if length else source.bytes
        with part.open("ab" if begun else "wb") as file:
            # A server may call a packed file an encoding of another, and httpx would unpack it.
            packed = part.stem.endswith((".gz", ".xz"))
            for block in response.iter_raw() if packed else response.iter_bytes():
                file.write(block)
                self._show(part.stem, file.tell(), total)
            size = file.tell()
        # httpx checks a length that the server gave; without one, only the expected size tells of a broken connection.
        if length is None and source.bytes is not None and size < source.bytes:
            raise _Interrupted(f"{response.url}: broken off after {size} of {source.bytes} bytes")

    def _connection(self) -> httpx.Client:
        if self._client is None:
            timeout = httpx.Timeout(self._patience.read, connect=self._patience.connect)
            try:
                client = httpx.Client(timeout=timeout, follow_redirects=True)
            except (ImportError, ValueError) as error:
                raise UserError(f"the proxy that the environment names cannot be used: {error}") from error
            self._client = self._stack.enter_context(client)
        return self._client


def _agreed_start(response: httpx.Response, begun: int, part: Path) -> int:
    """Where in the file the answer starts: after the `begun` bytes that are here, or, from many servers, at 0."""
    status = response.status_code
    if status == httpx.codes.OK:
        return 0
    stretch = response.headers.get("Content-Range", "")
    if status == httpx.codes.PARTIAL_CONTENT and stretch.startswith(f"bytes {begun}-"):
        return begun
    if status in (httpx.codes.PARTIAL_CONTENT, httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE):
        part.unlink(missing_ok=True)
        raise _Interrupted(f"{response.url}: the file does not go on after the {begun} bytes that were here")
    raise (_Interrupted if status in _MAY_PASS else _NotHere)(f"{response.url}: {status} {response.reason_phrase}")


def _in_mirror(mirror: str, url: str) -> str | Path:
    parts = urlsplit(url)
    if mirror.startswith(("http://", "https://")):
        return f"{mirror.rstrip('/')}/{parts.netloc}{parts.path}"
    try:
        folder = Path(mirror).expanduser()
    except RuntimeError:
        words = "`~` stands for no home folder that is known here; give the whole path"
        raise UserError(f"{MIRROR} is {mirror!r}: {words}") from None
    if not folder.is_dir():
        raise UserError(f"{MIRROR} is {mirror!r}: expected a folder that is there, or an http(s) address")
    return folder / parts.netloc / unquote(parts.path).lstrip("/")


def _verify(path: Path, source: Source, origin: str | Path) -> None:
    if fault := fault_of(path, source):
        if origin == source.url:
            remedy = f"try again, and if it stays so look for a proxy that changes files, or let {MIRROR} name a mirror"
        elif source.url is not None:
            remedy = f"put the right file into the mirror, or unset {MIRROR}"
        else:
            remedy = "bring the right file, or correct `blob` and `bytes` of this corpus"
        raise UserError(f"{origin}: not the file expected: {fault}; it was not kept: {remedy}")


def _advice(source: Source, part: Path) -> str:
    if source.url is None:
        return "check `folder` and `files` of this corpus"
    advice = f"check network and address, or let {MIRROR} name a mirror (a folder or an http address) that has it"
    return f"{advice}; what has arrived is kept, and the next attempt goes on from there" if part.is_file() else advice


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


@contextmanager
def _alone(destination: Path, report: Report) -> Iterator[None]:
    """Hold the folder against other processes, on other machines too where the file system allows it."""
    destination.mkdir(parents=True, exist_ok=True)
    # Beside the folder, where it is nobody's output. It stays: to remove a lock file lets two processes in at once.
    lock = FileLock(destination.with_name(f".{destination.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report(f"{destination}: another process is fetching the same; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int | None], None]]:
    """Show bytes of a file as a bar on a terminal; elsewhere not at all, since every file has its lines."""
    if not sys.stderr.isatty():
        yield lambda name, done, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bars: dict[str, TaskID] = {}

        def show(name: str, done: int, total: int | None) -> None:
            if name not in bars:
                bars[name] = progress.add_task(name, total=total)
            progress.update(bars[name], completed=done, total=total)

        yield show


def _say(line: str) -> None:
    print(line, file=sys.stderr)
