"""SIGKILL at every step of everything that changes something: the next process finds all of it, and undoes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from firkin.cri.network.embedded.network import BridgeNetwork
from firkin.cri.network.model import PortMapping, Sandbox
from firkin.cri.network.options import Options
from tests.support.bridge import RANGES, leftovers
from tests.support.kill_points import killed_everywhere
from tests.support.netns import World, run

pytestmark = pytest.mark.requires("root", "netns", "bridge", "nft")
PORTS = (PortMapping("tcp", 80, 8080), PortMapping("udp", 53, 5353, "192.0.2.1"))


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(state=f"{tmp_path}/state", ranges=RANGES)


def opened(options: Options, act: Callable[[BridgeNetwork], object]) -> None:
    network = BridgeNetwork(options)
    try:
        act(network)
    finally:
        network.close()


def recover(options: Options, live: frozenset[str] = frozenset()) -> None:
    opened(options, lambda network: network.collect(network.sandboxes - live))


def test_killed_while_it_attaches(here: World, options: Options) -> None:
    opened(options, lambda network: None)
    box = Sandbox("box", here.namespace("box").path, ports=PORTS)
    places = []
    for place in killed_everywhere(lambda: BridgeNetwork(options), lambda network: network.attach(box)):
        places.append(place)
        recover(options)
        assert leftovers(options) == [], place
    assert len(places) > 10
    opened(options, lambda network: network.check("box"))


def test_killed_while_it_detaches(here: World, options: Options) -> None:
    box = Sandbox("box", here.namespace("box").path, ports=PORTS)
    other = Sandbox("other", here.namespace("other").path, ports=(PortMapping("tcp", 80, 9090),))
    opened(options, lambda network: network.attach(other))

    def detach(network: BridgeNetwork) -> None:
        network.detach("box")
        network.flush()

    opened(options, lambda network: network.attach(box))
    for place in killed_everywhere(lambda: BridgeNetwork(options), detach):
        recover(options, frozenset({"other"}))
        assert len(leftovers(options)) == 4, place
        opened(options, lambda network: network.check("other"))
        opened(options, lambda network: network.attach(box))
    assert len(leftovers(options)) == 4


def test_killed_while_it_is_made(here: World, options: Options) -> None:
    for place in killed_everywhere(lambda: None, lambda _: BridgeNetwork(options)):
        opened(options, lambda network: network.collect([]))
        table = run("nft list table inet firkin")
        assert "10.77.0.0/24" in table, place
        assert "10.77.0.1/24" in run("ip -o addr show dev firkin0"), place
        run("ip link del firkin0; nft delete table inet firkin")


def test_killed_while_ranges_change(here: World, options: Options) -> None:
    box = Sandbox("box", here.namespace("box").path, ports=PORTS)
    opened(options, lambda network: network.attach(box))
    ranges = ("10.78.0.0/24",)
    for place in killed_everywhere(lambda: BridgeNetwork(options), lambda network: network.set_ranges(ranges)):
        opened(options, lambda network: network.check("box"))
        shown = run("nft list table inet firkin")
        assert "10.77.0.0/24" in shown, place
        opened(options, lambda network: network.set_ranges(RANGES))
    with_both = replace(options, ranges=())
    opened(with_both, lambda network: network.check("box"))
    assert "10.78.0.1/24" in run("ip -o addr show dev firkin0")
