"""Finished files only: atomic writing, and the digests by which a file is known. Packed files as if they were not."""

import errno
import gzip
import hashlib
import lzma
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, cast

from metalstm.errors import UserError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a write says, which knows no name, and a copy, which names the file that it reads."""


@contextmanager
def atomic(path: Path, unwritable: type[Exception] = OSError) -> Iterator[Path]:
    """Give a temporary name beside `path`; what was written there takes its place only if all went well.

    Missing folders are made. The temporary name starts with a dot and ends as `path` does, so that
    libraries which look at a file's ending write the right format; it is another one in each process of each machine
    that shares the disk. Others may read the file as far as the umask lets them, even where a library (safetensors)
    would keep it to its owner.

    A link stays, and the file that it leads to is what is written. What is no file, such as a pipe or a device, cannot
    be replaced: its own name is given, and what is written there has been written. A name of what this process has
    open already (/dev/stdout, /dev/fd/3) is written to as it stands, so that `>>` adds to a file.

    Raises:
        UserError: `path` is a folder, or it cannot be written: a full disk, a forbidden folder, or an error of the kind
            `unwritable`, by which a library says so.
        OSError: what went wrong beside the writing.
    """
    if path.is_dir() or path.name in ("", ".."):
        raise UserError(f"{path}: expected the name of a file to write, but this is a folder; name a file in it")
    try:
        if path.exists() and not path.is_file():
            yield path
        elif path.exists() and (descriptor := _open_descriptor(path)) is not None:
            with _handing_over(descriptor, path.name) as temporary:
                yield temporary
        else:
            with _replacing(Path(os.path.realpath(path)) if path.is_symlink() else path) as temporary:
                yield temporary
    except (OSError, unwritable) as error:
        if isinstance(error, OSError) and not _is_of(error, path):
            raise
        reason = (isinstance(error, OSError) and error.strerror) or " ".join(str(error).split())[:200]
        raise UserError(f"{path}: cannot be written: {reason}") from error


def _is_of(error: OSError, path: Path) -> bool:
    """Whether an error is of writing `path`: a full disk, or what names it, its temporary name or a folder above it."""
    if error.errno in _FULL:
        return True
    whole = Path(os.path.realpath(path))
    names = [name for name in (error.filename, error.filename2) if isinstance(name, str | bytes | os.PathLike)]
    named = {Path(os.path.realpath(os.fsdecode(name))) for name in names}
    return bool(named) and named <= {whole, _temporary(whole), *whole.parents}


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """The temporary name of `atomic` beside a file, or where one shall be; it takes the file's place at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _open_descriptor(path: Path) -> int | None:
    """The number of an open file that a name stands for, through links: 1 of /dev/stdout."""
    own = {os.path.realpath("/dev/fd"), f"/proc/{os.getpid()}/fd"}
    while os.path.realpath(path.parent) not in own:
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return int(path.name) if path.name.isdecimal() else None


@contextmanager
def _handing_over(descriptor: int, name: str) -> Iterator[Path]:
    """A temporary file whose bytes go to an open file at the end, to where that stands: at its end, after `>>`."""
    with TemporaryDirectory() as folder:
        temporary = Path(folder) / name
        yield temporary
        sys.stdout.flush()
        with temporary.open("rb") as source, open(descriptor, "wb", closefd=False) as file:
            shutil.copyfileobj(source, file)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{platform.node()}.{os.getpid()}.{path.name}")


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
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_blob_id(path: Path) -> str:
    """The id under which git stores a file: SHA-1 of the header `blob <size>` NUL and the bytes."""
    header = f"blob {path.stat().st_size}\0".encode()
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.sha1(header, usedforsecurity=False)).hexdigest()


def open_unpacked(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked if its name ends in `.gz` or `.xz`."""
    match path.suffix.lower():
        case ".gz":
            return cast(BinaryIO, gzip.open(path))
        case ".xz":
            return cast(BinaryIO, lzma.open(path))
        case _:
            return path.open("rb")
