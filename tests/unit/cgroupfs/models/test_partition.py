"""Partitions, from the rules of Documentation/admin-guide/cgroup-v2.rst."""

from __future__ import annotations

from firkin.cgroupfs.models.partition import CpusetGroup, Placement, place

ALL = frozenset(range(8))


def cpus(*numbers: int) -> frozenset[int]:
    return frozenset(numbers)


def placed(*children: CpusetGroup) -> dict[str, Placement]:
    return {found.name: found for found in place(CpusetGroup("/", children=children), ALL)}


def test_a_member_has_what_it_asks_for_of_its_parents_or_all_of_them() -> None:
    found = placed(CpusetGroup("a", cpus(1, 2, 99)), CpusetGroup("b"), CpusetGroup("c", cpus(99)))
    assert found["a"].effective == cpus(1, 2) and found["b"].effective == ALL == found["c"].effective


def test_a_partition_takes_its_processors_from_everybody_else() -> None:
    found = placed(CpusetGroup("rt", cpus(6, 7), "isolated"), CpusetGroup("b"), CpusetGroup("c", cpus(5)))
    assert found["rt"] == Placement("rt", cpus(6, 7), "isolated")
    assert found["/"].effective == found["b"].effective == ALL - cpus(6, 7)


def test_a_partition_below_a_partition() -> None:
    inner = CpusetGroup("inner", cpus(7), "root")
    found = placed(CpusetGroup("outer", cpus(6, 7), "root", populated=True, children=[inner]), CpusetGroup("rest"))
    assert (found["outer"].effective, found["inner"].effective) == (cpus(6), cpus(7))


def test_why_a_partition_is_none() -> None:
    found = placed(
        CpusetGroup("nothing", partition="root"),
        CpusetGroup("elsewhere", cpus(99), "root"),
        CpusetGroup("x", cpus(1, 2), "root"),
        CpusetGroup("y", cpus(2, 3)),
        CpusetGroup("plain", children=[CpusetGroup("below", cpus(4), "isolated")]),
    )
    assert {name: (at.partition, at.why) for name, at in found.items() if at.why} == {
        "nothing": ("root invalid", "Cpu list in cpuset.cpus is empty"),
        "elsewhere": ("root invalid", "Parent unable to distribute cpu downstream"),
        "x": ("root invalid", "Cpu list in cpuset.cpus not exclusive"),
        "below": ("isolated invalid", "Parent is not a partition root"),
    }
    assert found["x"].effective == cpus(1, 2) and found["below"].effective == cpus(4)


def test_the_last_processor_is_not_given_away_while_somebody_needs_it() -> None:
    greedy = CpusetGroup("greedy", ALL, "root")
    assert placed(greedy, CpusetGroup("b"))["greedy"].partition == "root invalid"
    assert placed(greedy, CpusetGroup("b", populated=False))["greedy"].partition == "root"
