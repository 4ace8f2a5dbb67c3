"""What every test of firkin can use: requirements, the place it runs in, and the fixtures of `tests/support`."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support import requirements
from tests.support.report import UNMET, Recorder, required_words

pytest_plugins = ["tests.support.fixtures"]

_MARKERS = (
    "requires(*words): what the machine must have; the words are those of tests/support/requirements.py",
    "guest: runs in the guest too, where there is one, although the machine meets what it requires",
    "covers(*files): interface files of cgroup v2 that the test is about, for docs/cgroup-files.md",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("firkin")
    group.addoption("--place", choices=("host", "guest"), default="host", help="where the tests run (host)")
    group.addoption("--select", type=Path, metavar="FILE", help="run only the tests whose node ids are FILE's lines")
    group.addoption("--record", type=Path, metavar="FILE", help="write what happens to FILE, for tests/run.py")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # As a shell has it for what runs in the background; programs under test would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    if (path := config.getoption("--record")) is not None:
        config.pluginmanager.register(Recorder(path), "firkin-recorder")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if unknown := [word for word in required_words(item) if word not in requirements.WORDS]:
            raise pytest.UsageError(f"{item.nodeid}: unknown requirement {', '.join(unknown)}")
    if (selection := config.getoption("--select")) is not None:
        wanted = frozenset(selection.read_text().splitlines())
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in wanted])
        items[:] = [item for item in items if item.nodeid in wanted]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    unmet = requirements.unmet(required_words(item))
    if not unmet:
        return
    item.user_properties += [(UNMET, f"{word}: {reason}") for word, reason in unmet.items()]
    text = "; ".join(f"requires {word}: {reason}" for word, reason in unmet.items())
    promised = requirements.GUEST_MEETS if item.config.getoption("--place") == "guest" else frozenset()
    if promised & unmet.keys():
        pytest.fail(f"the guest does not give what it promises: {text}", pytrace=False)
    pytest.skip(text)
