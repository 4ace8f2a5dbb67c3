"""Devices by name: found in descriptions, and added to a configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firkin.cri.cdi.apply import apply_edits
from firkin.cri.cdi.registry import edits_of
from firkin.errors import ConfigError, NotFoundError
from firkin.oci.default_config import default_config
from firkin.oci.record import decode
from firkin.oci.runtime_spec import Config
from firkin.oci.validate import validate


def spec(*devices: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"cdiVersion": "0.8.0", "kind": "vendor.example/gpu", "devices": list(devices), **more}


def device(name: str, **edits: Any) -> dict[str, Any]:
    return {"name": name, "containerEdits": edits}


def directories(tmp_path: Path, *files: dict[str, str]) -> tuple[str, ...]:
    """A directory for each mapping of names to texts."""
    made = []
    for number, texts in enumerate(files):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, text in texts.items():
            (folder / name).write_text(text)
        made.append(str(folder))
    return tuple(made)


def edited(tmp_path: Path, document: dict[str, Any], *names: str) -> Config:
    places = directories(tmp_path, {"a.json": json.dumps(document)})
    edits = edits_of([f"vendor.example/gpu={name}" for name in names], places)
    config = apply_edits(decode(Config, default_config()), edits)
    validate(config)
    return config


def test_what_a_kind_asks_for_comes_once(tmp_path: Path) -> None:
    document = spec(device("0", env=["B=0"]), device("1", env=["B=1"]), containerEdits={"env": ["A=kind", "B=kind"]})
    config = edited(tmp_path, document, "0", "1")
    assert config.process
    assert config.process.env[-2:] == ("A=kind", "B=1")
    assert sum(text.startswith("A=") for text in config.process.env) == 1


def test_nodes_mounts_groups_and_hooks(tmp_path: Path) -> None:
    edits = {
        "deviceNodes": [{"path": "/dev/gpu0", "hostPath": "/dev/null", "permissions": "rw", "gid": 7}],
        "mounts": [{"hostPath": "/usr/lib/gpu", "containerPath": "/lib/gpu", "options": ["ro", "nosuid"]}],
        "hooks": [{"hookName": "createContainer", "path": "/bin/link", "args": ["link", "x"]}],
        "additionalGids": [44, 0],
    }
    config = edited(tmp_path, spec(device("0", **edits)), "0")
    assert config.linux and config.linux.resources and config.hooks and config.process
    node, rule = config.linux.devices[-1], config.linux.resources.devices[-1]
    assert (node.path, node.type, node.major, node.minor, node.gid) == ("/dev/gpu0", "c", 1, 3, 7)
    assert (rule.allow, rule.major, rule.minor, rule.access) == (True, 1, 3, "rw")
    mount = config.mounts[-1]
    assert (mount.destination, mount.source, mount.options) == ("/lib/gpu", "/usr/lib/gpu", ("rbind", "ro", "nosuid"))
    assert config.hooks.create_container[0].args == ("link", "x")
    assert config.process.user.additional_gids == (44,)


def test_a_node_that_the_host_lacks_is_an_error(tmp_path: Path) -> None:
    for path in ("/dev/no-such-device", "/etc/passwd"):
        with pytest.raises(ConfigError, match=f"deviceNodes: {path}"):
            (tmp_path / path.replace("/", "_")).mkdir()
            edited(tmp_path / path.replace("/", "_"), spec(device("0", deviceNodes=[{"path": path}])), "0")


def test_later_directories_win_and_yaml_is_read(tmp_path: Path) -> None:
    yaml = (
        "cdiVersion: 0.8.0\nkind: vendor.example/gpu\ndevices:\n- name: '0'\n  containerEdits:\n    env: [FROM=yaml]\n"
    )
    places = directories(tmp_path, {"a.json": json.dumps(spec(device("0", env=["FROM=json"])))}, {"b.yaml": yaml})
    assert edits_of(["vendor.example/gpu=0"], places)[0].env == ("FROM=yaml",)
    assert edits_of(["vendor.example/gpu=0"], places[:1])[0].env == ("FROM=json",)


def test_a_broken_file_is_told_to_who_misses_a_device(tmp_path: Path) -> None:
    files = {"a.json": "{", "b.yaml": "a: [", "c.json": json.dumps(spec(device("0"))), "d.txt": "{"}
    places = directories(tmp_path, files)
    assert len(edits_of(["vendor.example/gpu=0"], places)) == 1
    with pytest.raises(NotFoundError, match=r"gpu=9: is in no description.*a\.json.*b\.yaml: is not YAML") as found:
        edits_of(["vendor.example/gpu=9"], places)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("name", ["", "gpu=0", "vendor/gpu", "vendor/gpu=", "../x/y=0", "vendor/gpu=a b"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is not VENDOR/CLASS=DEVICE"):
        edits_of([name], ())
