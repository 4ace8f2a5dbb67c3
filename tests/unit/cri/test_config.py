"""The configuration of the server: read, merged, checked as a whole, and shown."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from firkin.cri.config import Config, load_config
from firkin.errors import ConfigError
from firkin.runtime.cli.main import main
from firkin.settings import read_settings


def write(folder: Path, **texts: str) -> str:
    (folder / "config.d").mkdir(exist_ok=True)
    for name, text in texts.items():
        path = folder / "config.toml" if name == "main" else folder / "config.d" / f"{name}.toml"
        path.write_text(text)
    return str(folder / "config.toml")


def test_without_files_everything_has_its_default(tmp_path: Path) -> None:
    assert load_config(read_settings(str(tmp_path / "config.toml"))) == Config()
    with pytest.raises(ConfigError, match="No such file"):
        read_settings(str(tmp_path / "config.toml"), required=True)


def test_later_files_win_key_by_key(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        main='[cri]\nroot = "/a"\nlog_level = "debug"\n[cri.streaming]\nport = 1\n',
        a='[cri]\nroot = "/b"\n[cri.streaming]\naddress = "::1"\n',
        b='[cri.images]\npinned = ["base:1"]\n',
    )
    config = load_config(read_settings(path))
    assert (config.root, config.log_level) == ("/b", "debug")
    assert (config.streaming.port, config.streaming.address) == (1, "::1")
    assert config.images.pinned == ("base:1",)


def test_all_that_is_wrong_is_said_at_once() -> None:
    settings = {
        "cri": {
            "root": "relative",
            "log_level": "loud",
            "max_log_line": "long",
            "no_such_key": 1,
            "network": {"pod_cidrs": ["10.0.0.0/33"]},
            "images": {"pinned": [1]},
            "cgroup_driver": "systemd",
            "runtimes": {"runc": {"type": "oci", "path": "/usr/sbin/runc"}},
            "metrics": {"address": "0.0.0.0:80"},
        }
    }
    with pytest.raises(ConfigError) as found:
        load_config(settings, document="config.toml")
    text = str(found.value)
    for part in (
        "config.toml: ", "cri.no_such_key: unknown key", "cri.max_log_line: expected a whole number, got 'long'",
        "cri.log_level: 'loud' is none of", "cri.root: 'relative' is not an absolute path", "cri.network.pod_cidrs: ",
        "cri.images.pinned: expected a list of texts, got [1]",
        "cri.runtimes.runc.type: oci goes with the cgroup_driver cgroupfs alone",
        "cri.metrics.address: 0.0.0.0 is not a loopback address",
    ):  # fmt: skip
        assert part in text


@pytest.mark.parametrize("text", ["[cri", "cri = 1"])
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, main=text)
    with pytest.raises(ConfigError, match=r"config\.toml"):
        load_config(read_settings(path), document=path)


def test_what_is_dumped_is_what_was_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, main='[cri]\nroot = "/a \\" b"\n[cri.images]\npinned = ["base:1", "two"]\n')
    assert main(["config", "-c", path, "dump"]) == 0
    text = capsys.readouterr().out
    assert load_config(tomllib.loads(text)) == load_config(read_settings(path))
