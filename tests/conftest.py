import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder that holds upstream files by address (`HOST/PATH`); without one the test is skipped."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "mirror"
    folder = Path(os.environ.get("METALSTM_MIRROR") or beside)
    if not (folder / "MANIFEST.tsv").is_file():
        pytest.skip(f"no mirror of the corpora in {folder}; METALSTM_MIRROR may name another folder")
    return folder
