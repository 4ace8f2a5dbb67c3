"""The fixture of containers under monitors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bundle import Firkin
from tests.support.monitors import Monitors


@pytest.fixture
def monitors(firkin: Firkin, tmp_path: Path) -> Iterator[Monitors]:
    """Starts containers under monitors; when the test ends they are killed and deleted."""
    started = Monitors(firkin, tmp_path / "monitors")
    yield started
    started.close()
