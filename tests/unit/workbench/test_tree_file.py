"""Trees are read as they are meant, and every fault is told with its line."""

from __future__ import annotations

import math

import pytest

from firkin.errors import ConfigError
from firkin.workbench.plan import Demand
from firkin.workbench.tree_file import edit, parse_plan, read_plan

TREE = """\
machine: {cpus: 4, memory: 8G}
groups:
  web:
    cpu.weight: 300
    memory.low: 2G
    groups:
      front: {cpu.max: 50ms 100ms, cpuset.cpus: "0-1,3", demand: {cpu: 1.5, memory: 512M}}
      back: {cpu.idle: 1, pids.max: max, cpu.max: 0.5, demand: {threads: 8, io: 25%}}
"""


PARTITIONS = (
    "machine: {{cpus: 4}}\ngroups: {{a: {{cpuset.cpus: {}, cpuset.cpus.partition: root, demand: {{threads: 4}}}},"
    " b: {{cpuset.cpus: {}, demand: {{threads: 4}}}}}}"
)


def test_a_tree() -> None:
    plan = parse_plan(TREE, "t")
    (web,) = plan.root.children
    front, back = web.children
    assert (plan.machine.cpus, plan.machine.memory, web.cpu_weight, web.memory_low) == (4, 8 << 30, 300, 2 << 30)
    assert (front.path, front.cpu_max, front.cpuset) == ("web/front", 0.5, frozenset({0, 1, 3}))
    assert front.demand == Demand(cpu=1.5, threads=2, memory=512 << 20)
    assert back.cpu_idle and back.pids_max == math.inf and back.cpu_max == 0.5
    assert back.demand == Demand(threads=8, io=0.25)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "t: is empty (it needs machine: and groups:)"),
        ("groups: [", "t:2:1: did not find expected node content"),
        ("group: {}", "t:1:8: group: unknown key; a tree has machine and groups"),
        ("groups: 5", "t:1:9: is not a mapping of keys to values"),
        ("groups:\n  a: {cpu.weight: 0}", "t:2:19: a.cpu.weight: '0' is not a whole number from 1 to 10000"),
        ("groups:\n  a: {cpu.weight: -5}", "t:2:19: a.cpu.weight: '-5' is not a whole number from 1 to 10000"),
        ("groups:\n  a: {cpu.wait: 1}", "t:2:17: a.cpu.wait: unknown key; known are cpu.weight, "),
        ("groups:\n  a: {memory.max: lots}", "t:2:19: a.memory.max: 'lots' is not a size such as 4096, 512m or 1.5G"),
        ("groups:\n  a: {memory.max: [1]}", "t:2:19: a.memory.max: is not one value"),
        ("groups:\n  a: {cpu.max: 1ms 2s}", "t:2:16: a.cpu.max: '1ms 2s' is not QUOTA PERIOD, "),
        ("groups:\n  a: {cpu.max: -1}", "t:2:16: a.cpu.max: '-1' is not a number of 0 or more"),
        ("groups:\n  a: {}\n  a: {}", "t:3:3: a: is there twice"),
        ("groups:\n  a/b: {}", "t:2:8: a/b: 'a/b' is not the name of a group"),
        ("groups:\n  a: &x\n    groups: {b: *x}", "t:2:6: a/b: the group is inside itself, or too deep"),
        ("groups: {a: {demand: {io: 200%}}}", "t:1:27: a.demand.io: '200%' is more than all of the device"),
        ("machine: {cpus: 0}", "t:1:17: machine.cpus: '0' is not a whole number from 1 to 8192"),
        ("groups: {a: {demand: {threads: 1}, groups: {b: {}}}}", "t: a.demand: only groups without children have proc"),
        (
            "machine: {cpus: 4}\ngroups: {a: {cpuset.cpus: 2-5}}",
            "t: a.cpuset.cpus: the machine has no processor 5: mach",
        ),
        (
            "groups: {a: {cpuset.cpus.partition: mine}}",
            "t:1:37: a.cpuset.cpus.partition: 'mine' is not member, root or",
        ),
        (
            PARTITIONS.format("0-3", "0").replace("cpuset.cpus: 0,", ""),
            "t: a.cpuset.cpus.partition: root can not be: Parent unable to distribute cpu d",
        ),
        (
            PARTITIONS.format("0-1", "1-2"),
            "t: a.cpuset.cpus.partition: root can not be: Cpu list in cpuset.cpus not ex",
        ),
        ("groups: {? [a] : {}}", "t:1:12: a key is not a name"),
    ],
)
def test_faults(text: str, error: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_plan(text, "t")
    assert str(caught.value).startswith(error)


def test_a_file_that_is_no_text_names_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("tree") / "t.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        read_plan(str(path))


def test_edits() -> None:
    plan = parse_plan(TREE, "t")
    plan = edit(edit(plan, "web/front/memory.max=1G"), "machine.cpus=8")
    plan = edit(plan, "web/back/demand.threads=2")
    front, back = plan.root.children[0].children
    assert (front.memory_max, plan.machine.cpus, back.demand.threads) == (1 << 30, 8, 2)
    assert back.demand.io == 0.25 and plan.root.children[0].cpu_weight == 300


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("web", "'web' is not GROUP/FILE=VALUE"),
        ("nope/cpu.weight=1", "there is no group 'nope'"),
        ("cpu.weight=1", "there is no group ''"),
        ("web/cpu.wait=1", "unknown key 'cpu.wait'"),
        ("web/cpu.weight=0", "is not a whole number from 1 to 10000"),
        ("web/front/cpuset.cpus=7", "the machine has no processor 7"),
        ("machine.cpus=2", "web/front.cpuset.cpus: the machine has no processor 3"),
        ("machine.wheels=4", "unknown key 'machine.wheels'"),
    ],
)
def test_edits_that_are_none(text: str, error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        edit(parse_plan(TREE, "t"), text)
