from __future__ import annotations

import copy
from typing import Any

import pytest

from firkin.errors import ConfigError, UnsupportedError
from firkin.oci.default_config import default_config
from firkin.oci.record import decode
from firkin.oci.runtime_spec import Config, Process, Resources
from firkin.oci.validate import validate, validate_process, validate_resources

ABSENT = object()
ALLOW = {"defaultAction": "SCMP_ACT_ALLOW"}
USER = {"linux/namespaces": [{"type": "user"}, {"type": "uts"}]}
MAPPING = {"containerID": 0, "hostID": 1000, "size": 10}


def changed(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of `document` with values put at paths such as `mounts/0/type`."""
    document = copy.deepcopy(document)
    for path, value in changes.items():
        *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
        holder: Any = document
        for step in steps:
            holder = holder[step] if isinstance(step, int) else holder.setdefault(step, {})
        if value is ABSENT:
            del holder[last]
        else:
            holder[last] = value
    return document


def check(document: dict[str, Any]) -> None:
    validate(decode(Config, document))


def error_of(document: dict[str, Any]) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        check(document)
    return caught.value


def test_a_document_with_every_field_is_valid(full_document: dict[str, Any]) -> None:
    check(full_document)


@pytest.mark.parametrize(
    "version", ["1.0.0", "1.0.2-dev", "1.3.0+dev", "1.0.0-rc.1+build.5", "1.99.0", "1.2.3----x.0-y", "1.0.0-0.a"]
)
def test_each_version_with_major_1_is_read(version: str) -> None:
    check(changed(default_config(), {"ociVersion": version}))


@pytest.mark.parametrize(
    "version",
    [
        "",
        "1",
        "1.0",
        "1.0.0.0",
        "v1.0.0",
        "1.0.x",
        "01.0.0",
        "1.00.0",
        "1..0",
        "1.0.0-",
        "1.0.0+",
        "1.0.0-a..b",
        "1.0.-1",
    ],
)
def test_a_version_that_is_not_semantic_is_refused(version: str) -> None:
    error = error_of(changed(default_config(), {"ociVersion": version}))
    assert error.path == "ociVersion"
    assert error.reason.startswith("must be a semantic version")


@pytest.mark.parametrize("version", ["1.0.0-é", "1.²0.0", f"{'1' * 5000}.0.0-é", "1.0.0\n"])
def test_odd_characters_in_a_version_are_refused(version: str) -> None:
    assert error_of(changed(default_config(), {"ociVersion": version})).path == "ociVersion"


@pytest.mark.parametrize("version", ["0.5.0-dev", "2.0.0", "10.0.0"])
def test_another_major_version_is_not_supported(version: str) -> None:
    error = error_of(changed(default_config(), {"ociVersion": version}))
    assert isinstance(error, UnsupportedError)
    assert str(error) == f"config.json: ociVersion: version {version} of the specification (firkin reads 1.x)"


# Changes of the default configuration, and the error they make.
TOP = [
    ({"root": ABSENT}, "root: required field is missing"),
    ({"root/path": ""}, "root.path: must not be empty"),
    ({"root/path": "a\0b"}, "root.path: holds a NUL character"),
    ({"mounts/2/destination": ""}, "mounts[2].destination: must not be empty"),
    ({"mounts/2/destination": "/a\0"}, "mounts[2].destination: holds a NUL character"),
    ({"mounts/2/source": "\0"}, "mounts[2].source: holds a NUL character"),
    ({"mounts/2/type": "\0"}, "mounts[2].type: holds a NUL character"),
    ({"mounts/2/options": ["ro", "mode=\0"]}, "mounts[2].options[1]: holds a NUL character"),
    ({"mounts/0/uidMappings": [MAPPING]}, "mounts[0].gidMappings: must be given together with uidMappings"),
    ({"mounts/0/gidMappings": [MAPPING]}, "mounts[0].uidMappings: must be given together with gidMappings"),
    (
        {"mounts/0/uidMappings": [{**MAPPING, "size": 0}], "mounts/0/gidMappings": [MAPPING]},
        "mounts[0].uidMappings[0].size: must be 1 or more",
    ),
    (
        {"mounts/0/uidMappings": [MAPPING], "mounts/0/gidMappings": [{**MAPPING, "size": 0}]},
        "mounts[0].gidMappings[0].size: must be 1 or more",
    ),
    (
        {"mounts/0/options": ["rbind", "ridmap"]},
        "mounts[0].options: an id-mapped mount needs mappings of its own or a user namespace"
        " (set uidMappings and gidMappings on the mount)",
    ),
    ({"hostname": "a" * 65}, "hostname: longer than 64 bytes"),
    ({"hostname": "é" * 33}, "hostname: longer than 64 bytes"),
    ({"hostname": "a\0"}, "hostname: holds a NUL character"),
    ({"domainname": "a" * 65}, "domainname: longer than 64 bytes"),
    ({"domainname": "a\0"}, "domainname: holds a NUL character"),
    (
        {"linux/namespaces": []},
        'hostname: would be the host\'s: the container has no uts namespace (add {"type": "uts"} to linux.namespaces)',
    ),
    (
        {"hostname": "", "domainname": "a", "linux": ABSENT},
        "domainname: would be the host's: the container has no uts namespace"
        ' (add {"type": "uts"} to linux.namespaces)',
    ),
    ({"hooks/poststop": [{"path": "a"}]}, 'hooks.poststop[0].path: must be an absolute path, got "a"'),
    ({"hooks/prestart": [{"path": "/a\0"}]}, "hooks.prestart[0].path: holds a NUL character"),
    (
        {"hooks/createRuntime": [{"path": "/a"}, {"path": "/a", "args": ["", "\0"]}]},
        "hooks.createRuntime[1].args[1]: holds a NUL character",
    ),
    (
        {"hooks/startContainer": [{"path": "/a", "env": ["\0"]}]},
        "hooks.startContainer[0].env[0]: holds a NUL character",
    ),
    (
        {"hooks/createContainer": [{"path": "/a", "timeout": 0}]},
        "hooks.createContainer[0].timeout: must be more than 0 seconds, got 0",
    ),
    (
        {"hooks/poststart": [{"path": "/", "timeout": -1}]},
        "hooks.poststart[0].timeout: must be more than 0 seconds, got -1",
    ),
]

LAST = "is not a valid id, the last is 4294967294"
PROCESS = [
    ({"cwd": ""}, 'cwd: must be an absolute path, got ""'),
    ({"cwd": "a/b"}, 'cwd: must be an absolute path, got "a/b"'),
    ({"cwd": "/\0"}, "cwd: holds a NUL character"),
    ({"args": []}, "args: must name the program to run"),
    ({"args": ABSENT}, "args: must name the program to run"),
    ({"args": ["sh", "-c\0"]}, "args[1]: holds a NUL character"),
    ({"env": ["A=1", "B=\0"]}, "env[1]: holds a NUL character"),
    ({"apparmorProfile": "\0"}, "apparmorProfile: holds a NUL character"),
    ({"selinuxLabel": "\0"}, "selinuxLabel: holds a NUL character"),
    ({"user/uid": 4294967295}, f"user.uid: 4294967295 {LAST}"),
    ({"user/gid": 4294967295}, f"user.gid: 4294967295 {LAST}"),
    ({"user/additionalGids": [0, 4294967295]}, f"user.additionalGids[1]: 4294967295 {LAST}"),
    (
        {"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 2, "hard": 1}]},
        "rlimits[0].soft: 2 is more than the hard limit 1",
    ),
    (
        {"rlimits": [{"type": "RLIMIT_AS", "soft": 1, "hard": 1}, {"type": "RLIMIT_AS", "soft": 1, "hard": 1}]},
        'rlimits[1].type: "RLIMIT_AS" was given before, at rlimits[0]',
    ),
    ({"consoleSize": {"height": 65536, "width": 80}}, "consoleSize.height: must be 65535 or less, got 65536"),
    ({"consoleSize": {"height": 24, "width": 65536}}, "consoleSize.width: must be 65535 or less, got 65536"),
    ({"oomScoreAdj": 1001}, "oomScoreAdj: must be from -1000 to 1000, got 1001"),
    ({"oomScoreAdj": -1001}, "oomScoreAdj: must be from -1000 to 1000, got -1001"),
    ({"scheduler": {"policy": "SCHED_RR", "nice": 20}}, "scheduler.nice: must be from -20 to 19, got 20"),
    ({"scheduler": {"policy": "SCHED_RR", "nice": -21}}, "scheduler.nice: must be from -20 to 19, got -21"),
    (
        {"scheduler": {"policy": "SCHED_OTHER", "priority": 1}},
        "scheduler.priority: is for SCHED_FIFO and SCHED_RR only, not for SCHED_OTHER",
    ),
    (
        {"scheduler": {"policy": "SCHED_FIFO", "period": 1}},
        "scheduler.period: is for SCHED_DEADLINE only, not for SCHED_FIFO",
    ),
    ({"ioPriority": {"class": "IOPRIO_CLASS_RT", "priority": 8}}, "ioPriority.priority: must be from 0 to 7, got 8"),
    ({"ioPriority": {"class": "IOPRIO_CLASS_RT", "priority": -1}}, "ioPriority.priority: must be from 0 to 7, got -1"),
    (
        {"execCPUAffinity": {"initial": "all"}},
        'execCPUAffinity.initial: must be a list of processors such as 0-3,7, got "all"',
    ),
    (
        {"execCPUAffinity": {"final": "0\n1"}},
        'execCPUAffinity.final: must be a list of processors such as 0-3,7, got "0\\n1"',
    ),
]
# Places that hold one of a list of words, and the noun for them.
WORDS = [
    ({"process/rlimits/0/type": "RLIMIT_X"}, "process.rlimits[0].type", "resource limit"),
    ({"process/scheduler": {"policy": "X"}}, "process.scheduler.policy", "scheduling policy"),
    ({"process/scheduler": {"policy": "SCHED_RR", "flags": ["X"]}}, "process.scheduler.flags[0]", "scheduling flag"),
    ({"process/ioPriority": {"class": "X"}}, "process.ioPriority.class", "I/O scheduling class"),
    ({"linux/namespaces/1/type": "net"}, "linux.namespaces[1].type", "namespace type"),
    ({"linux/rootfsPropagation": "X"}, "linux.rootfsPropagation", "mount propagation"),
    ({"linux/devices": [{"path": "/a", "type": "x"}]}, "linux.devices[0].type", "device type"),
    ({"linux/devices": [{"path": "/a", "type": "cb"}]}, "linux.devices[0].type", "device type"),
    ({"linux/resources/devices/0/type": "p"}, "linux.resources.devices[0].type", "device type"),
    ({"linux/personality": {"domain": "X"}}, "linux.personality.domain", "execution domain"),
    ({"linux/memoryPolicy": {"mode": "X"}}, "linux.memoryPolicy.mode", "memory policy"),
    (
        {"linux/memoryPolicy": {"mode": "MPOL_DEFAULT", "flags": ["X"]}},
        "linux.memoryPolicy.flags[0]",
        "memory policy flag",
    ),
    (
        {"linux/namespaces": [{"type": "uts"}, {"type": "time"}], "linux/timeOffsets": {"realtime": {}}},
        'linux.timeOffsets["realtime"]',
        "clock",
    ),
    ({"linux/seccomp": {"defaultAction": "X"}}, "linux.seccomp.defaultAction", "action"),
    ({"linux/seccomp": {**ALLOW, "architectures": ["x86"]}}, "linux.seccomp.architectures[0]", "architecture"),
    ({"linux/seccomp": {**ALLOW, "flags": ["X"]}}, "linux.seccomp.flags[0]", "filter flag"),
    (
        {"linux/seccomp": {**ALLOW, "syscalls": [{"names": ["a"], "action": "X"}]}},
        "linux.seccomp.syscalls[0].action",
        "action",
    ),
    (
        {
            "linux/seccomp": {
                **ALLOW,
                "syscalls": [{"names": ["a"], "action": "SCMP_ACT_LOG", "args": [{"index": 0, "value": 0, "op": "X"}]}],
            }
        },
        "linux.seccomp.syscalls[0].args[0].op",
        "operator",
    ),
]


@pytest.mark.parametrize(("changes", "message"), TOP)
def test_a_broken_rule_at_the_top_is_named(changes: dict[str, Any], message: str) -> None:
    assert str(error_of(changed(default_config(), changes))) == f"config.json: {message}"


@pytest.mark.parametrize(("changes", "message"), PROCESS)
def test_a_broken_rule_of_the_process_is_named(changes: dict[str, Any], message: str) -> None:
    document = default_config()
    document["process"] = changed(document["process"], changes)  # type: ignore[arg-type]
    assert str(error_of(document)) == f"config.json: process.{message.replace('at rlimits', 'at process.rlimits')}"
    process = decode(Process, document["process"], document="exec.json")
    with pytest.raises(ConfigError) as caught:
        validate_process(process, document="exec.json")
    assert str(caught.value) == f"exec.json: {message}"


@pytest.mark.parametrize(("changes", "path", "noun"), WORDS)
def test_an_unknown_word_is_named_with_the_known_ones(changes: dict[str, Any], path: str, noun: str) -> None:
    error = error_of(changed(default_config(), changes))
    assert error.path == path
    assert error.reason.startswith(f'unknown {noun} "')
    assert error.hint.startswith("known: ")


@pytest.mark.parametrize(
    "changes",
    [
        {"process": ABSENT},
        {"process/user": {"uid": 4294967294, "gid": 4294967294, "additionalGids": [4294967294]}},
        {"process/env": ["NO_EQUALS_SIGN", "", "A=B=C"]},
        {"process/capabilities/bounding": ["CAP_FROM_THE_FUTURE"]},
        {"process/rlimits/0/hard": 18446744073709551615},
        {"process/consoleSize": {"height": 65535, "width": 0}},
        {"process/terminal": False, "process/consoleSize": {"height": 70000, "width": 1}},
        {"process/scheduler": {"policy": "SCHED_FIFO", "priority": 5}},
        {"process/scheduler": {"policy": "SCHED_DEADLINE", "runtime": 1, "deadline": 2, "period": 3}},
        {"process/execCPUAffinity": {}},
        {"mounts/0/destination": "proc"},
        {"mounts/0/options": ["idmap"], **USER},
        {"hostname": "a" * 64},
        {"hostname": "", "linux/namespaces": []},
        {"hostname": "", "linux": ABSENT},
        {"linux/namespaces": [{"type": "uts", "path": "/proc/1/ns/uts"}]},
        {"linux/cgroupsPath": "system.slice:firkin:a..b"},
        {"linux/cgroupsPath": "relative/..a"},
        {"linux/rootfsPropagation": "rslave"},
        {"linux/uidMappings": [{"containerID": 0, "hostID": 0, "size": 4294967295}], **USER},
        {"linux/uidMappings": [MAPPING, {"containerID": 10, "hostID": 1010, "size": 1}], **USER},
        {"linux/devices": [{"path": "/a", "type": "p"}, {"path": "/b", "type": "u", "major": 0, "minor": 1048575}]},
        {"linux/netDevices": {"eth0": {"name": "eth%d"}, "a" * 15: {}}},
        {"linux/sysctl": {"net/ipv4/conf/eth0.100/forwarding": "1", "kernel.shm_rmid_forced": ""}},
        {"linux/memoryPolicy": {"mode": "MPOL_PREFERRED"}},
        {"linux/memoryPolicy": {"mode": "MPOL_DEFAULT", "nodes": ""}},
        {"linux/intelRdt": {"closID": "/"}},
        {"linux/resources/devices": [{"allow": True, "type": "a", "major": -1, "minor": -1, "access": "mrw"}]},
        {"linux/resources/cpu": {"quota": -1, "burst": 5}},
        {"linux/resources/memory": {"limit": 0, "swap": -1, "swappiness": 0}},
        {"linux/resources/pids": {"limit": 0}},
        {"linux/resources/hugepageLimits": [{"pageSize": "1GB", "limit": 0}]},
        {"linux/resources/unified": {"io.max": "8:0 rbps=1\n8:16 rbps=1", "from.the.future": ""}},
        {"linux/seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4095, "listenerPath": "relative"}},
        {"linux/seccomp": {"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/run/a", "listenerMetadata": "x"}},
    ],
)
def test_what_engines_write_is_accepted(changes: dict[str, Any]) -> None:
    check(changed(default_config(), changes))


def test_the_document_is_named_and_the_hint_kept() -> None:
    config = decode(Config, changed(default_config(), {"linux/namespaces": []}))
    with pytest.raises(ConfigError) as caught:
        validate(config, document="/b/config.json")
    assert caught.value.document == "/b/config.json"
    assert caught.value.hint == 'add {"type": "uts"} to linux.namespaces'


def test_the_class_of_an_error_survives_another_document_name() -> None:
    config = decode(Config, changed(default_config(), {"ociVersion": "2.0.0"}))
    with pytest.raises(UnsupportedError, match=r"^other\.json: ociVersion: "):
        validate(config, document="other.json")


def test_parts_can_be_checked_at_their_place() -> None:
    process = decode(Process, {"cwd": "/", "args": ["sh"], "user": {"uid": 4294967295}})
    with pytest.raises(ConfigError, match=r"^cri: request\.process\.user\.uid: "):
        validate_process(process, "request.process", document="cri")
    resources = decode(Resources, {"cpu": {"idle": 3}})
    with pytest.raises(ConfigError, match=r"^cri: request\.linux\.cpu\.idle: "):
        validate_resources(resources, "request.linux", document="cri")
