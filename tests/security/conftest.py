"""Fixtures of the attacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.security.sentinel import Sentinel


@pytest.fixture
def sentinel(tmp_path: Path) -> Iterator[Sentinel]:
    """A place on the host that must be unchanged when the test ends."""
    place = Sentinel(tmp_path / "sentinel")
    yield place
    place.check()
