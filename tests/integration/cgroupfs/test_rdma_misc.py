"""The rdma and misc controllers, on a machine that has none of the devices and resources."""

from __future__ import annotations

import errno

import pytest

from firkin.cgroupfs import Cgroup
from firkin.errors import CgroupValueError
from tests.support.cgroup_values import put, refusal, value

pytestmark = pytest.mark.requires("root", "cgroup2", "unified", "rdma", "misc")


@pytest.mark.parametrize("file", ["rdma.current", "rdma.max", "misc.current", "misc.max", "misc.events"])
def test_nothing_is_told_where_there_is_nothing(cgroup: Cgroup, file: str) -> None:
    assert value(cgroup, file) == {}


@pytest.mark.covers("misc.capacity")
def test_capacity_is_told_by_the_root() -> None:
    with Cgroup(".") as root:
        assert value(root, "misc.capacity") == {}


@pytest.mark.covers("rdma.max")
def test_device_that_is_none_is_refused_by_the_kernel(cgroup: Cgroup) -> None:
    with refusal(CgroupValueError, errno.ENODEV, "no such"):
        cgroup.rdma.max = {"mlx9_9": {"hca_handle": 2, "hca_object": "max"}}


@pytest.mark.covers("misc.max")
def test_resource_that_is_none_is_refused_by_the_kernel(cgroup: Cgroup) -> None:
    with refusal(CgroupValueError, errno.EINVAL, "misc.capacity"):
        cgroup.misc.max = {"unobtainium": 1}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("rdma.max", "mlx4_0 hca_handle=-1"),
        ("rdma.max", "mlx4_0 colour=1"),
        ("misc.max", "sev many"),
        ("misc.max", "sev"),
    ],
)
def test_bad_value_is_refused_before_the_kernel(shared_cgroup: Cgroup, file: str, text: str) -> None:
    with refusal(CgroupValueError, 0, file):
        put(shared_cgroup, file, text)
