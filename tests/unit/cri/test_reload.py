"""What differs between two configurations, and what of it can change while the server runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firkin.cri.config import Config, Images, Network, Streaming
from firkin.cri.reload import LIVE, differences, merge

OTHER = Config(
    root="/other",
    log_level="debug",
    images=Images(pinned=("a",)),
    network=Network(bridge="b0", config_directory="/cni"),
)


def test_differences_are_told_by_key() -> None:
    assert differences(Config(), Config()) == {}
    assert differences(Config(), OTHER) == {
        "root": "/other",
        "log_level": "debug",
        "images.pinned": ("a",),
        "network.bridge": "b0",
        "network.config_directory": "/cni",
    }


def test_only_what_can_change_is_taken_over() -> None:
    merged = merge(Config(), OTHER, LIVE)
    assert merged == Config(log_level="debug", images=Images(pinned=("a",)), network=Network(config_directory="/cni"))
    assert merge(Config(), OTHER, frozenset()) == Config()
    assert set(differences(merged, OTHER)) == {"root", "network.bridge"}


@pytest.mark.parametrize("key", sorted(LIVE))
def test_what_can_change_is_a_setting(key: str) -> None:
    section, _, name = key.rpartition(".")
    assert hasattr(getattr(Config(), section) if section else Config(), name)


def test_where_things_are_can_not_change() -> None:
    moved = replace(Config(), state="/else", socket="/sock", streaming=Streaming(port=1))
    assert not LIVE & differences(Config(), moved).keys()
