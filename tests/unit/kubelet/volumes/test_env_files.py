"""Files of variables in volumes, which belong to the pod: it may have put anything there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from firkin.kubelet.api.container import Container, EnvVar, EnvVarSource, FileKeySelector
from firkin.kubelet.environment.errors import VariableError
from firkin.kubelet.volumes.env_files import env_files, wants_files
from tests.support.pods import pod_of


def _container(path: str, volume: str = "v") -> Container:
    source = EnvVarSource(file_key_ref=FileKeySelector(volume_name=volume, path=path, key="A"))
    return Container(name="main", env=[EnvVar(name="X", value="1"), EnvVar(name="A", value_from=source)])


def test_files_are_read_and_what_is_missing_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "env").write_text("A='1'\n")
    (tmp_path / "link").symlink_to("deep/env")
    for path in ("deep/env", "link"):
        assert env_files(pod_of(), _container(path), {"v": str(tmp_path)}) == {("v", path): {"A": "1"}}
    assert env_files(pod_of(), _container("none"), {"v": str(tmp_path)}) == {}
    assert wants_files(_container("x")) and not wants_files(Container(name="main"))


def test_what_is_hostile_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "volume"
    place.mkdir()
    (tmp_path / "outside").write_text("A='1'")
    (place / "out").symlink_to("../outside")
    os.mkfifo(place / "pipe")
    (place / "large").write_text("#" * (1 << 17))
    (place / "broken").write_text("A='1'\nB=2\n")
    (place / "bytes").write_bytes(b"A='\xff'")
    for path, reason in {
        "out": 'file "out" of volume "v": Invalid cross-device link',
        "pipe": 'file "pipe" of volume "v" is no regular file',
        "large": 'file "large" of volume "v" has more than 65536 bytes',
        "broken": 'failed to parse file "broken" of volume "v": line 2: is not of the form',
        "bytes": 'failed to parse file "bytes" of volume "v": ',
    }.items():
        with pytest.raises(VariableError, match=f"^{reason}"):
            env_files(pod_of(), _container(path), {"v": str(place)})
    with pytest.raises(VariableError, match='volume "w" of variable A is no emptyDir of the pod'):
        env_files(pod_of(), _container("x", "w"), {"v": str(place)})
