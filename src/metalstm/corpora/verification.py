"""Whether a file is the one that its source announces: by git blob id, by SHA-256, or else by size or content."""

import filecmp
from pathlib import Path

from metalstm.corpora.catalogue import Source
from metalstm.files import git_blob_id, sha256, write_text


def is_there(target: Path, source: Source) -> bool:
    """Whether `target` stands and is what `source` gives, so that nothing need be fetched.

    What cannot be verified is taken as it is, if it came for the same address; a changed file on this machine is to be
    copied anew.
    """
    if not target.is_file():
        return False
    if source.blob is not None:
        return _digest(target, source.blob) == source.blob
    if source.path is None:
        note = _note(target)
        return note.is_file() and note.read_text(encoding="utf-8") == source.url
    return Path(source.path).is_file() and filecmp.cmp(source.path, target, shallow=False)


def forget(target: Path) -> None:
    """Before a file takes its place: the address that the one before came for means nothing any more."""
    _note(target).unlink(missing_ok=True)


def remember(target: Path, source: Source) -> None:
    """After a file took its place: note the address, which is all that there is to know some files by."""
    if source.blob is None and source.url is not None:
        write_text(_note(target), source.url)


def _note(target: Path) -> Path:
    return target.with_name(f".{target.name}.address")


def fault_of(path: Path, source: Source) -> str | None:
    """What is wrong with the content of a file from `source`, in words; None if nothing is."""
    size = path.stat().st_size
    if source.blob is None:
        return None if source.bytes in (None, size) else f"expected {source.bytes} bytes, got {size}"
    if (digest := _digest(path, source.blob)) == source.blob:
        return None
    kind = "SHA-256" if _is_sha256(source.blob) else "git blob"
    expected = "" if source.bytes is None else f" ({source.bytes} bytes)"
    return f"expected {kind} {source.blob}{expected}, got {digest} ({size} bytes)"


def _digest(path: Path, like: str) -> str:
    """The digest of a file, of the kind that `like` is."""
    return sha256(path) if _is_sha256(like) else git_blob_id(path)


def _is_sha256(digest: str) -> bool:
    return len(digest) == 64
