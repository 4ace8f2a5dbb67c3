"""A CRI server, in a network of the test's own, for the agent to drive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.kubelet.volumes.mounting import mounts_below, unmount
from tests.support.cri_server import CriServer
from tests.support.netns import World, world


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("netns")) as made:
        yield made


@pytest.fixture(scope="module")
def shared(here: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CriServer]:
    """One server for all tests of a module; what one leaves there the agent of the next one ends."""
    made = CriServer(tmp_path_factory.mktemp("cri"))
    made.start()
    yield made
    made.clean_up()


@pytest.fixture
def server(here: World, tmp_path: Path) -> Iterator[CriServer]:
    """A server of the test's own."""
    made = CriServer(tmp_path / "cri")
    made.start()
    yield made
    made.clean_up()


@pytest.fixture(autouse=True)
def unmounted(tmp_path: Path) -> Iterator[None]:
    """Volumes of pods that a test leaves running are not in the way of removing its directory."""
    yield
    for path in reversed(mounts_below(str(tmp_path))):
        unmount(path)
