"""A CRI server in a network of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cri_server import CriServer
from tests.support.netns import World, world


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("netns")) as made:
        yield made


@pytest.fixture(scope="module")
def shared(here: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CriServer]:
    """One server for all tests of a module."""
    server = CriServer(tmp_path_factory.mktemp("cri"))
    server.start()
    yield server
    server.clean_up()
    assert server.leftovers() == []


@pytest.fixture
def cri(here: World, tmp_path: Path) -> Iterator[CriServer]:
    """A server of the test's own."""
    server = CriServer(tmp_path / "cri")
    server.start()
    yield server
    server.clean_up()
