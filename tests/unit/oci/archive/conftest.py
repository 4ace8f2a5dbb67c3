"""What the tests of archives share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.oci.store.images import ImageStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ImageStore]:
    """A store of nothing, which is whole at the end."""
    os.mkdir(tmp_path / "images")
    with ImageStore(str(tmp_path / "images")) as store:
        yield store
        assert list(store.check()) == []
