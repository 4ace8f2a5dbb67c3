"""A place of the test's own in the tree of cgroups."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from firkin.cgroupfs import Cgroup

__all__ = ["cgroup", "scratch_name", "shared_cgroup"]


def scratch_name() -> str:
    """A name that no other cgroup of the root has."""
    return f"firkin-test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def cgroup(request: pytest.FixtureRequest) -> Iterator[Cgroup]:
    """A cgroup below the root of the hierarchy with the controllers that the test requires.

    When the test ends its processes are killed, and it is removed with all below it.
    """
    yield from _made_for(request.node)


@pytest.fixture(scope="module")
def shared_cgroup(request: pytest.FixtureRequest) -> Iterator[Cgroup]:
    """One for all tests of a module that leave nothing but values behind, with the controllers that it requires."""
    yield from _made_for(request.node)


def _made_for(node: pytest.Item | pytest.Collector) -> Iterator[Cgroup]:
    from tests.support.report import required_words
    from tests.support.requirements import CONTROLLERS

    name = scratch_name()
    wanted = [word for word in required_words(node) if word in CONTROLLERS]
    with Cgroup.make(name, controllers=wanted) as group:
        try:
            yield group
        finally:
            Cgroup.destroy(name)
