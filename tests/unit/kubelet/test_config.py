"""The configuration of the agent: its defaults, and every fault said at once."""

from __future__ import annotations

import pytest

from firkin.errors import ConfigError
from firkin.kubelet.config import Config, load_config


def test_without_a_section_everything_has_its_default() -> None:
    assert load_config({}) == Config()


def test_all_faults_are_told_with_their_keys() -> None:
    wrong = {
        "root": "here", "log_level": "loud", "runtime_endpoint": "tcp://[::1]:1", "parallel_pulls": 0, "color": "red",
    }  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        load_config({"kubelet": wrong}, document="config.toml")
    for key in wrong:
        assert f"kubelet.{key}" in str(caught.value)


def test_the_section_is_a_table() -> None:
    with pytest.raises(ConfigError, match="expected a table"):
        load_config({"kubelet": 3})
