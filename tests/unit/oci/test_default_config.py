from __future__ import annotations

from typing import Any

import pytest

from firkin.oci.default_config import default_config
from firkin.oci.encoding import encode
from firkin.oci.record import decode
from firkin.oci.runtime_spec import Config
from firkin.oci.validate import validate


@pytest.mark.parametrize("rootless", [False, True])
@pytest.mark.parametrize("cgroup_namespace", [False, True])
def test_the_default_configuration_is_valid(rootless: bool, cgroup_namespace: bool) -> None:
    document = default_config(rootless=rootless, cgroup_namespace=cgroup_namespace, host_uid=1000, host_gid=100)
    config = decode(Config, document, strict=True)
    validate(config)
    assert encode(config) == document


def kinds(document: dict[str, Any]) -> set[str]:
    return {namespace["type"] for namespace in document["linux"]["namespaces"]}


def mounts(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {mount["destination"]: mount for mount in document["mounts"]}


def test_the_default_has_the_mounts_that_linux_programs_expect() -> None:
    found = mounts(default_config())
    assert list(found) == ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"]
    assert found["/dev"]["options"] == ["nosuid", "strictatime", "mode=755", "size=65536k"]
    assert "gid=5" in found["/dev/pts"]["options"]
    assert "ro" in found["/sys"]["options"]
    assert found["/sys"]["type"] == "sysfs"


def test_the_default_shares_no_namespace_but_user_and_cgroup() -> None:
    assert kinds(default_config()) == {"pid", "network", "ipc", "uts", "mount"}
    assert kinds(default_config(cgroup_namespace=True)) == {"pid", "network", "ipc", "uts", "mount", "cgroup"}


def test_the_default_denies_devices_and_hides_the_host() -> None:
    linux: Any = default_config()["linux"]
    assert linux["resources"] == {"devices": [{"allow": False, "access": "rwm"}]}
    assert {"/proc/kcore", "/proc/keys", "/sys/firmware"} <= set(linux["maskedPaths"])
    assert {"/proc/sys", "/proc/sysrq-trigger"} <= set(linux["readonlyPaths"])


def test_rootless_maps_root_to_one_user() -> None:
    document = default_config(rootless=True, host_uid=1000, host_gid=100)
    linux: Any = document["linux"]
    assert kinds(document) == {"pid", "ipc", "uts", "mount", "user"}
    assert linux["uidMappings"] == [{"containerID": 0, "hostID": 1000, "size": 1}]
    assert linux["gidMappings"] == [{"containerID": 0, "hostID": 100, "size": 1}]
    assert "resources" not in linux


def test_rootless_binds_the_host_sysfs_and_names_no_group() -> None:
    found = mounts(default_config(rootless=True))
    assert found["/sys"] == {
        "destination": "/sys",
        "type": "none",
        "source": "/sys",
        "options": ["rbind", "nosuid", "noexec", "nodev", "ro"],
    }
    assert not any("gid=" in option for mount in found.values() for option in mount.get("options", ()))


def test_each_call_gives_a_document_of_its_own() -> None:
    first: Any = default_config()
    first["process"]["args"].append("-l")
    first["linux"]["maskedPaths"].clear()
    second: Any = default_config()
    assert second["process"]["args"] == ["sh"]
    assert second["linux"]["maskedPaths"]
