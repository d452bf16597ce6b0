"""Whether a file is the one that its source announces: by git blob id, by SHA-256, or else by size or content."""

import filecmp
from pathlib import Path

from metalstm.corpora.catalogue import Source
from metalstm.files import git_blob_id, sha256


def is_there(target: Path, source: Source) -> bool:
    """Whether `target` stands and is what `source` gives, so that nothing need be fetched.

    What cannot be verified is taken as it is, but a changed file on this machine is to be copied anew.
    """
    if not target.is_file():
        return False
    if source.blob is not None:
        return _digest(target, source.blob) == source.blob
    return source.path is None or (Path(source.path).is_file() and filecmp.cmp(source.path, target, shallow=False))


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
