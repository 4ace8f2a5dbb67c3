"""Fixtures that every suite shares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bundle import Bundle, Firkin
from tests.support.cgroups import cgroup, shared_cgroup

__all__ = ["bundle", "cgroup", "every_front", "firkin", "shared_cgroup"]


@pytest.fixture
def firkin(tmp_path: Path) -> Iterator[Firkin]:
    """The command under test. When the test ends its containers are deleted, and nothing of them may be left."""
    runner = Firkin(tmp_path / "state")
    yield runner
    runner.close()


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A bundle with a busybox root file system that runs `true`."""
    return Bundle(tmp_path / "bundle")


@pytest.fixture(params=["native", "kept", "interpreted"])
def every_front(request: pytest.FixtureRequest, firkin: Firkin, monkeypatch: pytest.MonkeyPatch) -> str:
    """The ways that a command can take, one after the other; their name.

    `native` is the usual: the front does what it can, and has no plan of a container that is new. `kept`: it has one,
    where one can be kept. `interpreted`: it does nothing itself.
    """
    way = str(request.param)
    firkin.keeps_plans = way == "kept"
    if way == "interpreted":
        monkeypatch.setenv("FIRKIN_NATIVE", "0")
    return way
