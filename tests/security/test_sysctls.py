"""Kernel parameters: none that would change the host gets past, however it is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")

_WATCHED = (
    "kernel/core_pattern",
    "kernel/hostname",
    "kernel/domainname",
    "kernel/msgmax",
    "kernel/panic",
    "net/ipv4/ip_forward",
    "fs/mqueue/msg_max",
    "vm/swappiness",
)


@pytest.fixture(autouse=True)
def watched() -> Iterator[None]:
    """The host's parameters, which must be unchanged when the test ends."""
    places = [place for name in _WATCHED if (place := Path("/proc/sys", name)).exists()]
    before = [place.read_text() for place in places]
    yield
    assert [place.read_text() for place in places] == before


def _refused(firkin: Firkin, bundle: Bundle, key: str, value: str = "1") -> str:
    bundle.linux["sysctl"] = {key: value}
    line = firkin.fails(bundle)
    assert "linux.sysctl" in line
    return line


@pytest.mark.parametrize(
    "key",
    [
        "kernel.core_pattern",
        "kernel/core_pattern",
        "kernel.panic",
        "kernel.modprobe",
        "vm.swappiness",
        "fs.file-max",
        "fs.mqueuefoo",
        "netfoo.ipv4",
        "dev.cdrom.debug",
        "kernel.shm",
        "kernel.msgmax.more",
        "KERNEL.MSGMAX",
    ],
)
def test_parameter_of_no_namespace_is_refused(firkin: Firkin, bundle: Bundle, key: str) -> None:
    assert "belongs to no namespace" in _refused(firkin, bundle, key)


@pytest.mark.parametrize(
    "key",
    [
        "net/../kernel/core_pattern",
        "net...kernel.core_pattern",
        "net/ipv4/../../kernel/core_pattern",
        "../kernel/core_pattern",
        "/kernel/core_pattern",
        "net//ipv4/ip_forward",
        "net.ipv4.",
        ".net.ipv4",
        "",
        "net.ipv4.ip_forward\nkernel.core_pattern",
        "net.ipv4.ip_forward\0x",
    ],
)
def test_key_that_is_no_name_is_refused(firkin: Firkin, bundle: Bundle, key: str) -> None:
    _refused(firkin, bundle, key)


@pytest.mark.parametrize("value", ["1\nkernel.core_pattern=|/evil", "1\0", "\n", "1\n"])
def test_value_of_more_than_one_line_is_refused(firkin: Firkin, bundle: Bundle, value: str) -> None:
    assert "must be one line" in _refused(firkin, bundle, "net.ipv4.ip_forward", value)


@pytest.mark.parametrize("value", ["1+kernel.core_pattern=|/evil", "1 kernel.core_pattern=x", "1;kernel.panic=1"])
def test_value_can_not_name_another_parameter(firkin: Firkin, bundle: Bundle, value: str) -> None:
    _refused(firkin, bundle, "net.ipv4.ip_forward", value)


@pytest.mark.parametrize(
    ("key", "namespace"),
    [
        ("net.ipv4.ip_forward", "network"),
        ("net/ipv4/ip_forward", "network"),
        ("kernel.msgmax", "ipc"),
        ("kernel/msgmax", "ipc"),
        ("fs.mqueue.msg_max", "ipc"),
        ("kernel.domainname", "uts"),
        ("user.max_user_namespaces", "user"),
    ],
)
def test_parameter_needs_its_namespace(firkin: Firkin, bundle: Bundle, key: str, namespace: str) -> None:
    bundle.config.pop("hostname")
    bundle.namespaces(*({"pid", "mount", "ipc", "uts", "network", "cgroup"} - {namespace}))
    bundle.without_mount("/dev/mqueue", "/sys")
    bundle.without_mount("/sys/fs/cgroup")
    assert f"needs a {namespace} namespace" in _refused(firkin, bundle, key)


def test_hostname_has_its_own_field(firkin: Firkin, bundle: Bundle) -> None:
    assert "hostname" in _refused(firkin, bundle, "kernel.hostname", "evil")


def test_parameters_are_those_of_the_container(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4242", "kernel/domainname": "inside"}
    script = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/kernel/domainname"
    assert firkin.run(bundle.shell(script)) == "1\n4242\ninside\n"


def test_feigned_proc_of_the_image_gets_no_values(firkin: Firkin, bundle: Bundle) -> None:
    fake = bundle.rootfs / "proc/sys/kernel"
    fake.mkdir(parents=True)
    (fake / "msgmax").symlink_to("/proc/sys/kernel/core_pattern")
    bundle.linux["sysctl"] = {"kernel.msgmax": "4242"}
    assert firkin.run(bundle.shell("cat /proc/sys/kernel/msgmax")) == "4242\n"
