"""Finished files only: atomic writing, and the digests by which a file is known."""

import hashlib
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metalstm.errors import UserError

_BLOCK = 1 << 20


@contextmanager
def atomic(path: Path, unwritable: type[Exception] = OSError) -> Iterator[Path]:
    """Give a temporary name beside `path`; what was written there takes its place only if all went well.

    Missing folders are made. The temporary name starts with a dot and ends as `path` does, so that
    libraries which look at a file's ending write the right format; it is another one in each process of each machine
    that shares the disk. Others may read the file as far as the umask lets them, even where a library (safetensors)
    would keep it to its owner.

    Raises OSError, or UserError if it is `unwritable` that says so: what a library raises instead.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{platform.node()}.{os.getpid()}.{path.name}")
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    except unwritable as error:
        if isinstance(error, OSError):
            raise
        raise UserError(f"{path}: cannot be written: {' '.join(str(error).split())[:200]}") from error
    finally:
        temporary.unlink(missing_ok=True)


def unfinished(folder: Path, pattern: str) -> Iterator[Path]:
    """The temporary files of `atomic` for paths `folder/pattern`, such as a killed process leaves."""
    return folder.glob(f".*.{pattern}")


def _umask() -> int:
    """The permissions that new files are not given; it can be read only by setting it."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 with LF line ends, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_text_if_changed(path: Path, text: str) -> bool:
    """Write as `write_text` does, but leave a file that already says the same (and its time) alone."""
    if path.is_file() and path.read_bytes() == text.encode("utf-8"):
        return False
    write_text(path, text)
    return True


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def git_blob_id(path: Path) -> str:
    """The id under which git stores a file: SHA-1 of the header `blob <size>` NUL and the bytes."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
