from __future__ import annotations

from typing import Any

import pytest

from firkin.errors import ConfigError
from firkin.oci.default_config import default_config
from firkin.oci.record import decode
from firkin.oci.runtime_spec import Config, Resources
from firkin.oci.validate import validate, validate_resources


def error_of(**changes: Any) -> ConfigError:
    """The error of the default configuration with other values in its Linux section."""
    document = default_config()
    document["linux"] = {**document["linux"], **changes}  # type: ignore[dict-item]
    with pytest.raises(ConfigError) as caught:
        validate(decode(Config, document))
    return caught.value


RESOURCES = [
    ({"devices": [{"allow": True, "major": -2}]}, "devices[0].major: must be a device number or -1 for all, got -2"),
    ({"devices": [{"allow": True, "minor": -2}]}, "devices[0].minor: must be a device number or -1 for all, got -2"),
    ({"devices": [{"allow": True, "access": "rwx"}]}, 'devices[0].access: must be made of r, w and m, got "rwx"'),
    ({"memory": {"limit": -2}}, "memory.limit: must be a number of bytes or -1 for no limit, got -2"),
    ({"memory": {"kernelTCP": -2}}, "memory.kernelTCP: must be a number of bytes or -1 for no limit, got -2"),
    ({"memory": {"swappiness": 101}}, "memory.swappiness: must be from 0 to 100, got 101"),
    ({"cpu": {"quota": 5, "burst": 6}}, "cpu.burst: 6 is more than the quota 5"),
    ({"cpu": {"idle": 2}}, "cpu.idle: must be 0 or 1, got 2"),
    ({"cpu": {"cpus": "0\n"}}, 'cpu.cpus: must be one line, got "0\\n"'),
    ({"cpu": {"mems": "0\0"}}, 'cpu.mems: must be one line, got "0\\u0000"'),
    (
        {"blockIO": {"weightDevice": [{"major": 8, "minor": 0}]}},
        "blockIO.weightDevice[0]: must have a weight or a leafWeight",
    ),
    (
        {"blockIO": {"throttleWriteIOPSDevice": [{"major": 8, "minor": -1, "rate": 1}]}},
        "blockIO.throttleWriteIOPSDevice[0].minor: must be 0 or more, got -1",
    ),
    *(
        (
            {"hugepageLimits": [{"pageSize": size, "limit": 1}]},
            f'hugepageLimits[0].pageSize: must be a page size such as 64KB, 2MB or 1GB, got "{size}"',
        )
        for size in ("", "MB", "2", "2M", "02MB", "2TB", "2 MB", "../2MB")
    ),
    ({"rdma": {"a b": {"hcaHandles": 1}}}, 'rdma["a b"]: "a b" is not a valid name of an RDMA device'),
    ({"rdma": {"": {"hcaHandles": 1}}}, 'rdma[""]: "" is not a valid name of an RDMA device'),
    ({"rdma": {"mlx5_1": {}}}, 'rdma["mlx5_1"]: must have hcaHandles or hcaObjects'),
    *(
        ({"unified": {name: "1"}}, f'unified["{name}"]: "{name}" is not the name of a file in a cgroup')
        for name in ("", ".", "..", "a/memory.max", "/memory.max")
    ),
    ({"unified": {"memory.max": "1\0"}}, 'unified["memory.max"]: holds a NUL character'),
]


@pytest.mark.parametrize(("resources", "message"), RESOURCES)
def test_a_broken_rule_of_resources_is_named(resources: dict[str, Any], message: str) -> None:
    assert str(error_of(resources=resources)) == f"config.json: linux.resources.{message}"
    with pytest.raises(ConfigError) as caught:
        validate_resources(decode(Resources, resources))
    assert str(caught.value) == f"resources.json: {message}"
