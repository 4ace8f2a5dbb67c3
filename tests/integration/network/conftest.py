"""A host of the test's own, and pods in the built-in network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bridge import Pods
from tests.support.netns import World, world


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "netns") as made:
        yield made


@pytest.fixture
def pods(here: World, tmp_path: Path) -> Iterator[Pods]:
    made = Pods(here, tmp_path / "state")
    yield made
    made.close()
