"""Network devices of the host that go into a container, in a network namespace that stands for the host's."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")


class _Host:
    # A network namespace with a name, so that nothing is done to the machine's own.
    def __init__(self, name: str) -> None:
        self.name = name

    def ip(self, *words: str) -> str:
        argv = ["ip", "-n", self.name, *words]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    def run(self, firkin: Firkin, bundle: Bundle) -> subprocess.CompletedProcess[str]:
        argv = [
            "nsenter",
            f"--net=/run/netns/{self.name}",
            *firkin.command("run", "-b", bundle.save(), firkin.new_id()),
        ]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Host]:
    """A network namespace with a device `some0` that has addresses."""
    made = _Host(f"firkin-{tmp_path_factory.mktemp('netns').name}")
    subprocess.run(["ip", "netns", "add", made.name], check=True)
    try:
        made.ip("link", "add", "some0", "type", "veth", "peer", "name", "peer0")
        made.ip("address", "add", "192.0.2.7/24", "dev", "some0")
        made.ip("address", "add", "2001:db8::7/64", "dev", "some0", "nodad")
        yield made
    finally:
        subprocess.run(["ip", "netns", "delete", made.name], check=True)


def test_device_keeps_its_addresses_and_is_up(firkin: Firkin, bundle: Bundle, host: _Host) -> None:
    bundle.linux["netDevices"] = {"some0": {}}
    done = host.run(firkin, bundle.shell("ip address show dev some0"))
    assert done.returncode == 0, done.stderr
    assert "inet 192.0.2.7/24" in done.stdout
    assert "inet6 2001:db8::7/64" in done.stdout
    assert "UP" in done.stdout.partition(">")[0]
    assert "some0" not in host.ip("link")


def test_device_gets_another_name(firkin: Firkin, bundle: Bundle, host: _Host) -> None:
    bundle.linux["netDevices"] = {"some0": {"name": "other1"}}
    done = host.run(firkin, bundle.shell("ip -o address show dev other1"))
    assert "192.0.2.7/24" in done.stdout


@pytest.mark.requires("userns")
def test_device_in_a_user_namespace(firkin: Firkin, bundle: Bundle, host: _Host) -> None:
    bundle.user_namespace().linux["netDevices"] = {"some0": {"name": "eth0"}}
    assert "192.0.2.7/24" in host.run(firkin, bundle.shell("ip -o address show dev eth0")).stdout


def test_device_that_is_not_there_is_an_error(firkin: Firkin, bundle: Bundle, host: _Host) -> None:
    bundle.linux["netDevices"] = {"none0": {}}
    done = host.run(firkin, bundle)
    why = "linux.netDevices.none0: move network device none0: no such device"
    assert (done.returncode, done.stderr) == (1, f"firkin: error: {why}\n")


def test_name_that_is_taken_is_an_error(firkin: Firkin, bundle: Bundle, host: _Host) -> None:
    bundle.linux["netDevices"] = {"some0": {"name": "lo"}}
    done = host.run(firkin, bundle)
    why = "linux.netDevices.some0: move network device some0: there is a device lo in the container already"
    assert (done.returncode, done.stderr) == (1, f"firkin: error: {why}\n")
