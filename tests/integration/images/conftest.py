"""What the tests of images share."""

from __future__ import annotations

from pathlib import Path

import pytest

from firkin.oci.store.content import ContentStore


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    """A store of nothing."""
    return ContentStore(str(tmp_path / "store"))
