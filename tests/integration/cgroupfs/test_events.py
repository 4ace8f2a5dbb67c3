"""What happens to cgroups is told: nothing lost, nothing twice, in order, and their end last."""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
from collections.abc import Iterable

import pytest

from firkin.cgroupfs import Cgroup, find_hierarchy
from firkin.cgroupfs.events import Changed, Created, Event, Removed, Watch
from firkin.errors import CgroupGoneError, UsageError
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2")
FOREVER = ["sleep", "1000"]
POPULATED, FROZEN = "populated", "frozen"


def told(events: Iterable[Event], group: Cgroup) -> list[str]:
    """The events in short: `a/b populated 1`."""
    return [f"{event.cgroup.removeprefix(group.path).lstrip('/') or '.'} {short(event)}" for event in events]


def short(event: Event) -> str:
    if isinstance(event, Changed):
        assert event.new != event.old
        return f"{event.key} {event.new}"
    return type(event).__name__


def until(watch: Watch, group: Cgroup, *last: str) -> list[str]:
    """All events until each of `last` is among them, which must come within the time.

    The kernel notifies the files of cgroups through a work queue: later than what caused it returns, and in any order.
    """
    found: list[str] = []
    while not set(last) <= set(found):
        events = watch.wait(timeout=SECONDS)
        assert events, f"not all of {last} came: {found}"
        found += told(events, group)
    return found


def test_populated_and_frozen_are_told(cgroup: Cgroup) -> None:
    with Watch(cgroup) as watch, cgroup.spawn(FOREVER) as process:
        assert until(watch, cgroup, ". populated 1") == [". populated 1"]
        cgroup.freeze()
        assert until(watch, cgroup, ". frozen 1") == [". frozen 1"]
        cgroup.thaw()
        assert until(watch, cgroup, ". frozen 0") == [". frozen 0"]
        cgroup.kill()
        process.wait()
        assert until(watch, cgroup, ". populated 0") == [". populated 0"]
        assert watch.wait(timeout=0) == []


def test_what_held_before_the_watch_is_not_told(cgroup: Cgroup) -> None:
    with cgroup.spawn(FOREVER), Watch(cgroup) as watch:
        assert watch.read() == []
        cgroup.kill()
        (event,) = watch.wait(timeout=SECONDS)
    assert isinstance(event, Changed)
    assert (event.file, event.key, event.old, event.new) == ("cgroup.events", POPULATED, 1, 0)


def test_what_happens_before_the_first_reading_is_told(cgroup: Cgroup) -> None:
    with Watch(cgroup) as watch, cgroup.spawn(FOREVER):
        cgroup.freeze()
        assert sorted(until(watch, cgroup, ". frozen 1", ". populated 1")) == [". frozen 1", ". populated 1"]


def test_waiting_ends_in_time_without_events(cgroup: Cgroup) -> None:
    with Watch(cgroup) as watch:
        assert watch.wait(timeout=0.05) == []


def test_removal_is_the_last_event_and_ends_the_watch(cgroup: Cgroup) -> None:
    with cgroup.make_child("x") as child, Watch(child) as watch:
        cgroup.remove_child("x")
        assert told(watch.wait(timeout=SECONDS), cgroup) == ["x Removed"]
        assert watch.is_over
        assert watch.wait() == []


def test_a_cgroup_that_is_gone_can_not_be_watched(cgroup: Cgroup) -> None:
    with cgroup.make_child("x") as child:
        cgroup.remove_child("x")
        with pytest.raises(CgroupGoneError, match="x"):
            Watch(child)


def test_a_removed_cgroup_was_empty_before_even_if_nobody_looked(cgroup: Cgroup) -> None:
    with cgroup.make_child("x") as child, child.spawn(FOREVER) as process, Watch(child) as watch:
        child.kill()
        process.wait()
        child.wait_empty()
        cgroup.remove_child("x")
        assert told(watch.wait(timeout=SECONDS), cgroup) == ["x populated 0", "x Removed"]


def test_a_cgroup_of_the_same_name_is_another_one(cgroup: Cgroup) -> None:
    with cgroup.make_child("x") as child, Watch(child) as watch:
        cgroup.remove_child("x")
        with cgroup.make_child("x") as other, other.spawn(FOREVER):
            assert told(watch.wait(timeout=SECONDS), cgroup) == ["x Removed"]


def test_cgroups_made_below_are_watched_from_their_start(cgroup: Cgroup) -> None:
    with Watch(cgroup, recursive=True) as watch:
        with cgroup.make_child("a") as a, a.make_child("b") as b, b.spawn(FOREVER):
            found = until(watch, cgroup, "a/b populated 1")
        assert [line for line in found if "Created" in line] == ["a Created", "a/b Created"]
        assert found.index("a/b Created") < found.index("a/b populated 1")


def test_cgroups_that_are_there_already_are_watched_too(cgroup: Cgroup) -> None:
    with (
        cgroup.make_child("a") as a,
        a.make_child("b") as b,
        Watch(cgroup, recursive=True) as watch,
        b.spawn(FOREVER),
    ):
        found = until(watch, cgroup, "a/b populated 1")
    assert not any("Created" in line for line in found)


def test_cgroups_below_are_not_watched_unless_asked_for(cgroup: Cgroup) -> None:
    with Watch(cgroup) as watch, cgroup.make_child("a") as a, a.spawn(FOREVER):
        assert told(watch.wait(timeout=SECONDS), cgroup) == [". populated 1"]
        assert watch.wait(timeout=0.1) == []


def test_a_subtree_ends_from_below(cgroup: Cgroup) -> None:
    with cgroup.make_child("a") as a, a.make_child("b"), Watch(a, recursive=True) as watch:
        Cgroup.destroy(a.path)
        assert until(watch, cgroup, "a Removed") == ["a/b Removed", "a Removed"]
        assert watch.is_over


def test_making_again_is_a_removal_and_a_creation(cgroup: Cgroup) -> None:
    with cgroup.make_child("x"), Watch(cgroup, recursive=True) as watch:
        cgroup.remove_child("x")
        cgroup.make_child("x").close()
        assert told(watch.wait(timeout=SECONDS), cgroup) == ["x Removed", "x Created"]
        assert watch.wait(timeout=0.05) == []


_MAKER = """
import os, sys
for number in range(int(sys.argv[2])):
    group = f"{sys.argv[1]}/{number}"
    os.mkdir(group)
    os.mkdir(f"{group}/leaf")
    with open(f"{group}/leaf/cgroup.procs", "w") as procs:
        procs.write("0")
"""


def test_nothing_is_lost_of_cgroups_that_are_made_in_a_hurry(cgroup: Cgroup) -> None:
    # The maker leaves each cgroup as soon as the next one is there: some are empty again before anybody looks.
    count = 200
    with Watch(cgroup, recursive=True) as watch:
        maker = subprocess.Popen([sys.executable, "-P", "-c", _MAKER, cgroup.path, str(count)])
        found = until(watch, cgroup, f"{count - 1}/leaf Created")
        assert maker.wait() == 0
        for number in range(count):
            assert found.count(f"{number} Created") == found.count(f"{number}/leaf Created") == 1
        Cgroup.destroy(cgroup.path)
        ended = until(watch, cgroup, ". Removed")
    assert sum(line.endswith("leaf Removed") for line in ended) == count
    last = {line.split()[0]: line.split()[2] for line in found + ended if POPULATED in line}
    assert set(last.values()) <= {"0"}


def test_an_overflow_of_the_queue_loses_no_state(cgroup: Cgroup) -> None:
    with cgroup.make_child("a") as a, Watch(cgroup, recursive=True) as watch:
        with open("/proc/sys/fs/inotify/max_queued_events") as file:
            room = int(file.read())
        controls = [group.open("cgroup.subtree_control", os.O_WRONLY) for group in (cgroup, a)]
        # The same notice twice is merged into one, two different ones in turn are not.
        for number in range(room + 10):
            os.write(controls[number % 2], b"\n")
        with a.make_child("b") as b, b.spawn(FOREVER):
            assert {"a/b Created", "a/b populated 1", ". populated 1"} <= set(told(watch.read(), cgroup))
        for fd in controls:
            os.close(fd)


def test_removal_through_another_mount_is_told(cgroup: Cgroup) -> None:
    cgroup.make_child("x").close()
    inside = "mount -t cgroup2 cgroup2 /mnt; mkdir /mnt/y; rmdir /mnt/x"
    script = f'echo 0 > "$0/cgroup.procs"; exec unshare -Cm sh -ec "{inside}"'
    with Watch(cgroup, recursive=True) as watch:
        subprocess.run(["sh", "-ec", script, cgroup.path], check=True)
        found = until(watch, cgroup, "x Removed")
        found += [] if "y Created" in found else until(watch, cgroup, "y Created")
    assert found.count("y Created") == 1


def test_watching_a_cgroup_twice_tells_once(cgroup: Cgroup) -> None:
    with cgroup.make_child("a") as a, Watch(a, cgroup, recursive=True) as watch:
        watch.add(a, recursive=True)
        with a.spawn(FOREVER):
            found = until(watch, cgroup, "a populated 1", ". populated 1")
            assert watch.wait(timeout=0.1) == []
        assert found.count("a populated 1") == 1


def test_the_root_of_the_hierarchy_can_be_watched_for_children(cgroup: Cgroup) -> None:
    with Watch(find_hierarchy().mount, recursive=True) as watch:
        cgroup.make_child("x").close()
        found = until(watch, cgroup, "x Created")
        assert "x Created" in found


def test_a_loop_of_ones_own_waits_for_the_descriptor(cgroup: Cgroup) -> None:
    with Watch(cgroup) as watch, select.epoll() as epoll:
        epoll.register(watch.fileno(), select.EPOLLIN)
        assert epoll.poll(0) == []
        with cgroup.spawn(FOREVER):
            assert epoll.poll(SECONDS) == [(watch.fileno(), select.EPOLLIN)]
            assert told(watch.read(), cgroup) == [". populated 1"]


def test_a_closed_watch_has_nothing_to_tell(cgroup: Cgroup) -> None:
    watch = Watch(cgroup)
    watch.close()
    watch.close()
    assert watch.is_over
    assert watch.wait() == []
    with pytest.raises(ValueError, match="closed"):
        watch.fileno()


def test_descriptors_are_given_back(cgroup: Cgroup) -> None:
    before = os.listdir("/proc/self/fd")
    with Watch(cgroup, recursive=True) as watch:
        for number in range(5):
            cgroup.make_child(f"{number}").close()
            until(watch, cgroup, f"{number} Created")
            cgroup.remove_child(f"{number}")
            until(watch, cgroup, f"{number} Removed")
        assert len(os.listdir("/proc/self/fd")) == len(before) + 2
    assert os.listdir("/proc/self/fd") == before


_LIMITED = """
import sys
from firkin.cgroupfs.events import Watch
from firkin.errors import CgroupLimitError
with open("/proc/sys/user/max_inotify_watches", "w") as file:
    file.write("2")
try:
    Watch(sys.argv[1])
except CgroupLimitError as error:
    print(error)
"""


@pytest.mark.requires("userns")
def test_too_many_watches_are_told_with_what_to_do(cgroup: Cgroup) -> None:
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-P", "-c", _LIMITED, cgroup.path]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert text.startswith(f"watch {cgroup.path}")
    assert "fs.inotify.max_user_watches" in text


def test_asyncio_iterates_until_the_end(cgroup: Cgroup) -> None:
    async def main() -> list[Event]:
        with Watch(x, recursive=True) as watch:
            asyncio.get_running_loop().call_soon(lambda: x.make_child("y").close())
            found = []
            async for event in watch:
                found.append(event)
                if isinstance(event, Created):
                    asyncio.get_running_loop().call_soon(Cgroup.destroy, x.path)
            return found

    with cgroup.make_child("x") as x:
        assert told(asyncio.run(asyncio.wait_for(main(), SECONDS)), cgroup) == [
            "x/y Created",
            "x/y Removed",
            "x Removed",
        ]


def test_asyncio_waits_without_holding_up_the_loop(cgroup: Cgroup) -> None:
    async def main() -> tuple[int, Event]:
        turns = 0
        with Watch(cgroup) as watch:
            waiting = asyncio.ensure_future(anext(watch))
            while turns < 100:
                await asyncio.sleep(0)
                turns += 1
            assert not waiting.done()
            with cgroup.spawn(FOREVER):
                return turns, await asyncio.wait_for(waiting, SECONDS)

    turns, event = asyncio.run(main())
    assert turns == 100
    assert told([event], cgroup) == [". populated 1"]


def test_a_cancelled_task_loses_no_event(cgroup: Cgroup) -> None:
    async def main() -> list[Event]:
        with Watch(cgroup) as watch:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(watch), 0.02)
            with cgroup.spawn(FOREVER):
                cgroup.freeze()
                return [await asyncio.wait_for(anext(watch), SECONDS) for _ in range(2)]

    assert sorted(told(asyncio.run(main()), cgroup)) == [". frozen 1", ". populated 1"]


def test_closing_ends_the_iteration_of_a_waiting_task(cgroup: Cgroup) -> None:
    async def main() -> list[Event]:
        watch = Watch(cgroup)
        asyncio.get_running_loop().call_later(0.02, watch.close)
        return [event async for event in watch]

    assert asyncio.run(asyncio.wait_for(main(), SECONDS)) == []


def test_two_tasks_can_not_share_a_watch(cgroup: Cgroup) -> None:
    async def main() -> None:
        with Watch(cgroup) as watch:
            waiting = asyncio.ensure_future(anext(watch))
            await asyncio.sleep(0)
            with pytest.raises(UsageError, match="one task"):
                await anext(watch)
            assert not waiting.done()
            waiting.cancel()

    asyncio.run(main())


def test_events_say_what_they_are_in_full(cgroup: Cgroup) -> None:
    with Watch(cgroup, recursive=True) as watch:
        cgroup.make_child("x").close()
        (made,) = watch.wait(timeout=SECONDS)
        cgroup.remove_child("x")
        (gone,) = watch.wait(timeout=SECONDS)
    assert made == Created(f"{cgroup.path}/x", made.time)
    assert gone == Removed(f"{cgroup.path}/x", gone.time)
    assert made.time < gone.time
