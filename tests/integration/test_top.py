"""`firkin top` on a terminal, and without one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from firkin.cgroupfs import Cgroup
from tests.support.bundle import FIRKIN
from tests.support.cgroup_worker import await_use
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2")


class Screen:
    """A command on a terminal of tmux, which shows what a person would see."""

    def __init__(self, socket: Path, *command: str, columns: int = 150, rows: int = 15) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        self._pid = socket.with_suffix(".pid")
        line = f"sh -c 'echo $$ > {self._pid}; exec {' '.join(command)}'; echo ended=$?; exec cat"
        self._call("new-session", "-d", "-x", str(columns), "-y", str(rows), line)

    def _call(self, *words: str) -> str:
        return subprocess.run([*self._tmux, *words], capture_output=True, text=True, check=True).stdout

    def press(self, *keys: str) -> None:
        """Press keys, by the names that tmux has for them."""
        self._call("send-keys", *keys)

    def send(self, number: signal.Signals) -> None:
        """Send the command a signal."""
        os.kill(int(self._pid.read_text()), number)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        self._call("resize-window", "-x", str(columns), "-y", str(rows))

    def lines(self) -> list[str]:
        """What is on the screen."""
        return self._call("capture-pane", "-p").splitlines()

    def wait_for(self, *texts: str, without: str = "\0") -> list[str]:
        """The screen as soon as it has all of `texts`, and not `without`."""
        deadline = time.monotonic() + SECONDS
        while True:
            lines = self.lines()
            screen = "\n".join(lines)
            if all(text in screen for text in texts) and without not in screen:
                return lines
            assert time.monotonic() < deadline, f"no {texts}, or {without!r}, on the screen:\n{screen}"

    def close(self) -> None:
        """End it, with the command."""
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, check=False)


@pytest.fixture
def tree(cgroup: Cgroup) -> Cgroup:
    """A group with `busy` and `idle`, and `inner` below `idle`."""
    for name in ("busy", "idle"):
        cgroup.make_child(name).close()
    with cgroup.child("idle") as idle:
        idle.make_child("inner").close()
    return cgroup


@pytest.fixture
def screen(tree: Cgroup, tmp_path: Path) -> Iterator[Screen]:
    """The view of `tree`."""
    made = Screen(tmp_path / "tmux", str(FIRKIN), "top", "--interval", "0.2", tree.path)
    yield made
    made.close()


def place(lines: list[str], name: str) -> int:
    return next(number for number, line in enumerate(lines) if line.strip(" +-").split(" ")[0].endswith(name))


def top(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [str(FIRKIN), "top", *words]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.mark.requires("tmux")
def test_the_tree_is_shown_and_q_gives_the_terminal_back(screen: Screen, tree: Cgroup) -> None:
    lines = screen.wait_for("CGROUP", "busy", "inner", "4 groups")
    assert [place(lines, name) for name in (tree.path, "busy", "idle", "inner")] == [1, 2, 3, 4]
    assert "CPU%" in lines[0]
    screen.press("q")
    screen.wait_for("ended=0", without="CGROUP")


@pytest.mark.requires("tmux")
def test_a_busy_group_is_first_when_sorted_by_processor_time(screen: Screen, tree: Cgroup) -> None:
    lines = screen.wait_for("4 groups")
    screen.press("n")
    deadline = time.monotonic() + SECONDS
    while place(lines, "busy") < place(lines, "idle"):
        assert time.monotonic() < deadline
        lines = screen.lines()
    with tree.child("busy") as busy, busy.spawn(["sh", "-c", "while :; do :; done"]) as process:
        screen.press("c")
        while True:
            lines = screen.lines()
            cells = lines[place(lines, "busy")].split()
            if len(cells) > 1 and float(cells[1]) > 5 and place(lines, "busy") < place(lines, "idle"):
                break
            assert time.monotonic() < deadline, lines
        busy.kill()
        process.wait()


@pytest.mark.requires("tmux")
def test_subtrees_fold_and_the_filter_narrows(screen: Screen) -> None:
    screen.wait_for("inner")
    screen.press("Down", "Down", "Left")
    screen.wait_for("+ idle", without="inner")
    screen.press("Right")
    screen.wait_for("- idle", "inner")
    screen.press("/")
    screen.wait_for("filter:")
    screen.press("b", "u", "s", "y", "Enter")
    screen.wait_for("filter: busy", "busy", without="idle")
    screen.press("Escape")
    screen.wait_for("idle", "inner", without="filter: busy")


@pytest.mark.requires("tmux")
def test_groups_that_come_and_go_appear_and_vanish(screen: Screen, tree: Cgroup) -> None:
    screen.wait_for("4 groups")
    tree.make_child("later").close()
    screen.wait_for("later", "5 groups")
    tree.remove_child("later")
    screen.wait_for("4 groups", without="later")


@pytest.mark.requires("tmux")
@pytest.mark.parametrize("sort", ["name", "cpu_percent"])
def test_of_a_thousand_groups_those_in_sight_have_numbers(cgroup: Cgroup, tmp_path: Path, sort: str) -> None:
    for number in range(1000):
        cgroup.make_child(f"g{number:03}").close()
    command = (str(FIRKIN), "top", "--interval", "0.2", "--sort", sort, cgroup.path)
    with closing(Screen(tmp_path / "tmux", *command)) as screen:
        screen.wait_for("1001 groups", "g000")
        screen.press("End")
        deadline = time.monotonic() + SECONDS
        while not all(line.split()[1:2] == ["0.0"] for line in screen.wait_for("g999")[1:-1]):
            assert time.monotonic() < deadline, screen.lines()
        screen.press("PageUp", "PageUp")
        assert "g999" not in "\n".join(screen.wait_for("g975", without="g999"))
        screen.press("Home")
        lines = screen.wait_for(cgroup.path, "g000")
        assert place(lines, "g000") == 2


@pytest.mark.requires("tmux")
def test_the_columns_follow_the_size_of_the_terminal(screen: Screen) -> None:
    wide = screen.wait_for("4 groups")[0]
    screen.resize(120, 12)
    deadline = time.monotonic() + SECONDS
    # It may be seen while it is drawn.
    while not (narrow := screen.lines()[0]).endswith("IOWT") or narrow.find("CPU%") != wide.find("CPU%") - 30:
        assert time.monotonic() < deadline, narrow


@pytest.mark.requires("tmux")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_like_q(screen: Screen, number: signal.Signals) -> None:
    screen.wait_for("4 groups")
    screen.send(number)
    screen.wait_for("ended=0", without="CGROUP")


@pytest.mark.requires("tmux")
def test_a_tree_that_is_removed_leaves_an_empty_view(screen: Screen, tree: Cgroup) -> None:
    screen.wait_for("4 groups")
    Cgroup.destroy(tree.path)
    screen.wait_for("0 groups", without="idle")
    screen.press("Down", "Enter", "c", "q")
    screen.wait_for("ended=0")


def test_without_a_terminal_it_says_what_to_do() -> None:
    done = top()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "firkin: error: top: standard input and output are no terminal (--once prints a table)\n"


def test_once_prints_a_table(tree: Cgroup) -> None:
    done = top("--once", "--interval", "0.1", tree.path)
    assert (done.returncode, done.stderr) == (0, "")
    head, *lines = done.stdout.splitlines()
    assert head.startswith("CGROUP ")
    assert [line.split()[-4] for line in lines] == ["0.0"] * 4
    assert [place(lines, name) for name in ("busy", "idle", "inner")] == [1, 2, 3]


def test_once_prints_json(tree: Cgroup) -> None:
    with tree.child("busy") as busy, busy.spawn(["sh", "-c", "while :; do :; done"]) as process:
        await_use(busy)
        done = top("--once", "--json", "--interval", "0.5", "--sort", "cpu_percent", tree.path)
        busy.kill()
        process.wait()
    found = {record["path"].removeprefix(tree.path): record for record in json.loads(done.stdout)}
    assert list(found) == ["", "/busy", "/idle", "/idle/inner"]
    assert found["/busy"]["cpu_percent"] > 0
    assert found["/idle"]["cpu_percent"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--json"], "top: --json needs --once"),
        (["--once", "--interval", "0"], "top: --interval 0: not a number of seconds from 0.1 to 3600"),
        (["--once", "--interval", "soon"], "top: --interval soon: not a number"),
        (["--once", "--interval", "nan"], "top: --interval nan: not a number"),
        (["--once", "--sort", "colour"], "top: --sort colour: no such column"),
        (["--once", "no/such/group"], "no/such/group"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(words: list[str], message: str) -> None:
    done = top(*words)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
