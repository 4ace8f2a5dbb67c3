from __future__ import annotations

from typing import Any

import pytest

from firkin.errors import ConfigError
from firkin.oci.default_config import default_config
from firkin.oci.record import decode
from firkin.oci.runtime_spec import Config
from firkin.oci.validate import validate

MAPPING = {"containerID": 0, "hostID": 1000, "size": 10}
LAST = "is not a valid id, the last is 4294967294"
LAST_PLUS = {"containerID": 0, "hostID": 1, "size": 4294967295}


def error_of(**changes: Any) -> ConfigError:
    """The error of the default configuration with other values in its Linux section."""
    document = default_config()
    document["linux"] = {**document["linux"], **changes}  # type: ignore[dict-item]
    with pytest.raises(ConfigError) as caught:
        validate(decode(Config, document))
    return caught.value


LINUX = [
    (
        {"namespaces": [{"type": "uts"}, {"type": "uts"}]},
        'namespaces[1].type: "uts" was given before, at linux.namespaces[0]',
    ),
    (
        {"namespaces": [{"type": "pid", "path": "proc/1/ns/pid"}]},
        'namespaces[0].path: must be an absolute path, got "proc/1/ns/pid"',
    ),
    ({"namespaces": [{"type": "pid", "path": "/\0"}]}, "namespaces[0].path: holds a NUL character"),
    (
        {"uidMappings": [MAPPING]},
        'uidMappings: the container has no user namespace to map ids in (add {"type": "user"} to linux.namespaces)',
    ),
    (
        {"gidMappings": [MAPPING]},
        'gidMappings: the container has no user namespace to map ids in (add {"type": "user"} to linux.namespaces)',
    ),
    ({"cgroupsPath": "/a/../b"}, 'cgroupsPath: must have no "..", end of line or NUL, got "/a/../b"'),
    ({"cgroupsPath": ".."}, 'cgroupsPath: must have no "..", end of line or NUL, got ".."'),
    ({"cgroupsPath": "a\nb"}, 'cgroupsPath: must have no "..", end of line or NUL, got "a\\nb"'),
    ({"cgroupsPath": "a\0"}, 'cgroupsPath: must have no "..", end of line or NUL, got "a\\u0000"'),
    ({"mountLabel": "\0"}, "mountLabel: holds a NUL character"),
    ({"maskedPaths": ["/a", "proc"]}, 'maskedPaths[1]: must be an absolute path, got "proc"'),
    ({"readonlyPaths": ["/a\0"]}, "readonlyPaths[0]: holds a NUL character"),
    ({"devices": [{"path": "dev/a", "type": "p"}]}, 'devices[0].path: must be an absolute path, got "dev/a"'),
    (
        {"devices": [{"path": "/dev/a", "type": "c", "minor": 0}]},
        'devices[0].major: is required for a device of type "c"',
    ),
    (
        {"devices": [{"path": "/dev/a", "type": "b", "major": 0}]},
        'devices[0].minor: is required for a device of type "b"',
    ),
    ({"devices": [{"path": "/dev/a", "type": "u"}]}, 'devices[0].major: is required for a device of type "u"'),
    (
        {"devices": [{"path": "/dev/a", "type": "c", "major": 4096, "minor": 0}]},
        "devices[0].major: must be from 0 to 4095, got 4096",
    ),
    (
        {"devices": [{"path": "/dev/a", "type": "c", "major": 1, "minor": -1}]},
        "devices[0].minor: must be from 0 to 1048575, got -1",
    ),
    ({"devices": [{"path": "/dev/a", "type": "p", "uid": 4294967295}]}, f"devices[0].uid: 4294967295 {LAST}"),
    ({"devices": [{"path": "/dev/a", "type": "p", "gid": 4294967295}]}, f"devices[0].gid: 4294967295 {LAST}"),
    (
        {"netDevices": {"eth0": {}}, "namespaces": [{"type": "uts"}]},
        "netDevices: the container has no network namespace to move devices to"
        ' (add {"type": "network"} to linux.namespaces)',
    ),
    ({"netDevices": {"": {}}}, 'netDevices[""]: "" is not a valid name of a network device'),
    ({"netDevices": {"a" * 16: {}}}, f'netDevices["{"a" * 16}"]: "{"a" * 16}" is not a valid name of a network device'),
    ({"netDevices": {"eth0": {"name": ".."}}}, 'netDevices["eth0"].name: ".." is not a valid name of a network device'),
    (
        {"netDevices": {"eth0": {"name": "a/b"}}},
        'netDevices["eth0"].name: "a/b" is not a valid name of a network device',
    ),
    (
        {"netDevices": {"eth0": {"name": "a b"}}},
        'netDevices["eth0"].name: "a b" is not a valid name of a network device',
    ),
    ({"sysctl": {"": "1"}}, 'sysctl[""]: "" is not the name of a kernel parameter'),
    ({"sysctl": {"net..x": "1"}}, 'sysctl["net..x"]: "net..x" is not the name of a kernel parameter'),
    ({"sysctl": {"net/../x": "1"}}, 'sysctl["net/../x"]: "net/../x" is not the name of a kernel parameter'),
    ({"sysctl": {"/net/x": "1"}}, 'sysctl["/net/x"]: "/net/x" is not the name of a kernel parameter'),
    ({"sysctl": {"net.x\n": "1"}}, 'sysctl["net.x\\n"]: must be one line, got "net.x\\n"'),
    ({"sysctl": {"net.x": "1\n2"}}, 'sysctl["net.x"]: must be one line, got "1\\n2"'),
    ({"sysctl": {"net.x": "1\0"}}, 'sysctl["net.x"]: must be one line, got "1\\u0000"'),
    (
        {"timeOffsets": {"monotonic": {}}},
        'timeOffsets: the container has no time namespace (add {"type": "time"} to linux.namespaces)',
    ),
    (
        {
            "timeOffsets": {"monotonic": {}},
            "namespaces": [{"type": "uts"}, {"type": "time", "path": "/proc/1/ns/time"}],
        },
        "timeOffsets: can not be set on a time namespace that is joined",
    ),
    (
        {"timeOffsets": {"boottime": {"nanosecs": 1000000000}}, "namespaces": [{"type": "uts"}, {"type": "time"}]},
        'timeOffsets["boottime"].nanosecs: must be less than a second, got 1000000000',
    ),
    (
        {"personality": {"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]}},
        'personality.flags[0]: flag "ADDR_NO_RANDOMIZE": none is defined yet',
    ),
    ({"memoryPolicy": {"mode": "MPOL_BIND"}}, "memoryPolicy.nodes: must not be empty for MPOL_BIND"),
    ({"memoryPolicy": {"mode": "MPOL_LOCAL", "nodes": "0"}}, "memoryPolicy.nodes: must be empty for MPOL_LOCAL"),
    (
        {"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0;1"}},
        'memoryPolicy.nodes: must be a list such as 0-3,7, got "0;1"',
    ),
    ({"intelRdt": {"closID": ".."}}, 'intelRdt.closID: must be the name of a directory or /, got ".."'),
    ({"intelRdt": {"closID": "a/b"}}, 'intelRdt.closID: must be the name of a directory or /, got "a/b"'),
    ({"intelRdt": {"closID": "a\0"}}, 'intelRdt.closID: must be one line, got "a\\u0000"'),
    ({"intelRdt": {"l3CacheSchema": "L3:0=f\n"}}, 'intelRdt.l3CacheSchema: must be one line, got "L3:0=f\\n"'),
    ({"intelRdt": {"memBwSchema": "MB:0=1\n"}}, 'intelRdt.memBwSchema: must be one line, got "MB:0=1\\n"'),
    ({"intelRdt": {"memBwSchema": "L3:0=1"}}, 'intelRdt.memBwSchema: must start with "MB:", got "L3:0=1"'),
    ({"intelRdt": {"schemata": ["MB:0=1", "a\nb"]}}, 'intelRdt.schemata[1]: must be one line, got "a\\nb"'),
]
MAPPINGS = [
    ([{**MAPPING, "size": 0}], "[0].size: must be 1 or more"),
    ([LAST_PLUS], "[0].hostID: 4294967295 ids from 1 go past the last, 4294967294"),
    (
        [MAPPING, {"containerID": 4294967295, "hostID": 0, "size": 1}],
        "[1].containerID: 1 ids from 4294967295 go past the last, 4294967294",
    ),
    (
        [{"containerID": 5, "hostID": 0, "size": 1}, {"containerID": 0, "hostID": 9, "size": 6}],
        "[0].containerID: overlaps the range of linux.uidMappings[1]",
    ),
    (
        [{"containerID": 0, "hostID": 0, "size": 5}, {"containerID": 9, "hostID": 4, "size": 1}],
        "[1].hostID: overlaps the range of linux.uidMappings[0]",
    ),
]


@pytest.mark.parametrize(("changes", "message"), LINUX)
def test_a_broken_rule_of_the_linux_section_is_named(changes: dict[str, Any], message: str) -> None:
    assert str(error_of(**changes)) == f"config.json: linux.{message}"


@pytest.mark.parametrize(("mappings", "message"), MAPPINGS)
@pytest.mark.parametrize("name", ["uidMappings", "gidMappings"])
def test_mappings_that_the_kernel_refuses_are_named(name: str, mappings: list[dict[str, int]], message: str) -> None:
    error = error_of(**{"namespaces": [{"type": "user"}, {"type": "uts"}], name: mappings})
    assert str(error) == f"config.json: linux.{name}{message.replace('uidMappings', name)}"
