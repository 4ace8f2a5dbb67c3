"""Device nodes: whoever may make one may still open only what the configuration allows."""

from __future__ import annotations

import errno
import json
from typing import Any

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")

# A node whose number nobody drives answers ENXIO to whom the device program lets through.
_PROBE = """
import os, stat, json
def outcome(kind, major, minor, flags):
    path = f"/dev/probe-{kind}-{major}-{minor}"
    try:
        if not os.path.exists(path):
            os.mknod(path, {"c": stat.S_IFCHR, "b": stat.S_IFBLK}[kind] | 0o600, os.makedev(major, minor))
        os.close(os.open(path, flags | os.O_NONBLOCK))
    except OSError as error:
        return error.errno
    return 0
print(json.dumps([outcome(*one) for one in NODES]))
"""
_READ, _WRITE, _BOTH = 0, 1, 2


def _probe(firkin: Firkin, bundle: Bundle, *nodes: tuple[str, int, int, int]) -> list[int]:
    names = ["CAP_MKNOD", "CAP_DAC_OVERRIDE"]
    bundle.process["capabilities"] = {"bounding": names, "effective": names, "permitted": names}
    found: Any = json.loads(firkin.run(bundle.python(_PROBE.replace("NODES", repr(list(nodes))))))
    assert isinstance(found, list)
    return found


def _rules(bundle: Bundle, *rules: dict[str, object]) -> Bundle:
    bundle.linux["resources"]["devices"] = [{"allow": False, "access": "rwm"}, *rules]
    return bundle


def test_disks_and_memory_can_not_be_opened(firkin: Firkin, bundle: Bundle) -> None:
    nodes = [
        ("b", 8, 0),
        ("b", 7, 0),
        ("b", 254, 0),
        ("b", 259, 0),
        ("c", 1, 1),
        ("c", 1, 2),
        ("c", 1, 4),
        ("c", 10, 229),
    ]
    found = _probe(firkin, bundle, *[(*node, flags) for node in nodes for flags in (_READ, _WRITE, _BOTH)])
    assert found == [errno.EPERM] * len(found)


def test_devices_of_every_container_can_be_opened(firkin: Firkin, bundle: Bundle) -> None:
    found = _probe(firkin, bundle, *[("c", 1, minor, _BOTH) for minor in (3, 5, 7, 8, 9)])
    assert found == [0] * 5


def test_rule_of_the_user_allows(firkin: Firkin, bundle: Bundle) -> None:
    _rules(bundle, {"allow": True, "type": "b", "major": 241, "minor": 7, "access": "rwm"})
    found = _probe(firkin, bundle, ("b", 241, 7, _BOTH), ("b", 241, 8, _BOTH), ("c", 241, 7, _BOTH))
    assert found == [errno.ENXIO, errno.EPERM, errno.EPERM]


def test_rule_allows_only_the_access_that_it_names(firkin: Firkin, bundle: Bundle) -> None:
    _rules(bundle, {"allow": True, "type": "b", "major": 241, "minor": 7, "access": "r"})
    nodes = [("b", 241, 7, flags) for flags in (_READ, _WRITE, _BOTH)]
    assert _probe(firkin, bundle, *nodes) == [errno.ENXIO, errno.EPERM, errno.EPERM]


def test_last_matching_rule_decides(firkin: Firkin, bundle: Bundle) -> None:
    _rules(
        bundle,
        {"allow": True, "type": "b", "major": 241, "access": "rwm"},
        {"allow": False, "type": "b", "major": 241, "minor": 8, "access": "rwm"},
    )
    found = _probe(firkin, bundle, ("b", 241, 7, _READ), ("b", 241, 8, _READ))
    assert found == [errno.ENXIO, errno.EPERM]


def test_exec_is_under_the_same_rules(firkin: Firkin, bundle: Bundle) -> None:
    names = ["CAP_MKNOD"]
    bundle.process["capabilities"] = {"bounding": names, "effective": names, "permitted": names}
    id = firkin.start(bundle.shell("sleep 1000"))
    firkin("exec", id, "mknod", "/dev/disk", "b", "8", "0", check=False)
    done = firkin("exec", id, "dd", "if=/dev/disk", "of=/dev/null", "count=1", check=False)
    assert "Operation not permitted" in done.stderr or "No such file" in done.stderr


def test_node_can_not_be_made_without_the_capability(firkin: Firkin, bundle: Bundle) -> None:
    bundle.shell("mknod /dev/disk b 8 0 2>&1; mknod /tmp/disk b 8 0 2>&1; true")
    assert firkin.run(bundle).count("Operation not permitted") == 2
