"""Where the cgroups of pods and containers are, with both drivers."""

from __future__ import annotations

import pytest
from google.protobuf.json_format import ParseDict

from firkin.cri.api.pod_pb2 import PodSandboxConfig
from firkin.cri.sandboxes.configuration import sandbox_configuration
from firkin.cri.spec.cgroups import container_place, pod_place
from firkin.cri.spec.inputs import HostFacts
from firkin.errors import ConfigError

PLAIN = HostFacts(())
SYSTEMD = HostFacts((), systemd=True)
NESTED = HostFacts((), systemd=True, systemd_root="system.slice/box.service")
POD = "kubepods-burstable-pod12_3.slice"
WHOLE = f"kubepods.slice/kubepods-burstable.slice/{POD}"


@pytest.mark.parametrize(
    ("host", "asked", "place"),
    [
        (PLAIN, "/kubepods/pod1/c1", "/kubepods/pod1/c1"),
        (SYSTEMD, f"{POD}:firkin:c1", f"/{WHOLE}/firkin-c1.scope"),
        (SYSTEMD, "-.slice:firkin:c1", "/firkin-c1.scope"),
        (NESTED, "a.slice:firkin:c1", "/system.slice/box.service/a.slice/firkin-c1.scope"),
    ],
)
def test_where_a_container_is(host: HostFacts, asked: str, place: str) -> None:
    assert container_place(asked, "c1", host) == place


@pytest.mark.parametrize(
    ("host", "parent", "place"),
    [
        (PLAIN, "/kubepods/pod1/", "kubepods/pod1"),
        (PLAIN, "", ""),
        (SYSTEMD, "", ""),
        # As the kubelet writes it, and as a person does.
        (SYSTEMD, f"/{WHOLE}", WHOLE),
        (SYSTEMD, POD, WHOLE),
        # What was made with the other driver is where it was made.
        (SYSTEMD, "/kubepods/pod1", "kubepods/pod1"),
    ],
)
def test_where_a_pod_is(host: HostFacts, parent: str, place: str) -> None:
    assert pod_place(parent, host) == place


def sandbox(parent: str, *, systemd: bool) -> str:
    config = ParseDict({"linux": {"cgroup_parent": parent}}, PodSandboxConfig())
    linux = sandbox_configuration(config, "p1", systemd=systemd).linux
    assert linux
    return linux.cgroups_path


def test_where_the_process_of_a_pod_is_born() -> None:
    assert sandbox("/kubepods/pod1", systemd=False) == "/kubepods/pod1/p1"
    # systemd takes it from there.
    assert sandbox(f"/{WHOLE}", systemd=True) == "/firkin/p1"


@pytest.mark.parametrize("parent", ["/kubepods/pod1", "a--b.slice", "a b.slice", "/x.slice/y"])
def test_a_parent_that_is_no_slice_is_refused(parent: str) -> None:
    with pytest.raises(ConfigError, match="does not end with a slice"):
        sandbox(parent, systemd=True)
