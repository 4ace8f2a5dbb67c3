"""Networks as the CRI server uses them: from an event loop, for many pods, whatever becomes of the callers."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from firkin.cri.network import Networks, Options, PortMapping, Sandbox
from firkin.cri.network.netlink import nftables
from firkin.cri.network.netlink.connection import Connection
from firkin.errors import AlreadyExistsError, ConfigError, KernelError, NetworkError, NotFoundError
from tests.support.bridge import RANGES, leftovers
from tests.support.cni_plugins import FileNetwork
from tests.support.netns import HOST, OUTSIDE, World, exchange, run
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "netns", "bridge", "nft")
NETFILTER = 12


@pytest.fixture
def plugins(tmp_path: Path) -> FileNetwork:
    return FileNetwork(tmp_path / "plugins")


@pytest.fixture
def options(tmp_path: Path, plugins: FileNetwork) -> Options:
    return Options(
        cni_configurations=f"{tmp_path}/net.d",
        cni_plugins=(str(plugins.binaries),),
        cni_cache=f"{tmp_path}/cache",
        state=f"{tmp_path}/state",
        ranges=RANGES,
    )


@contextlib.asynccontextmanager
async def started(options: Options) -> AsyncIterator[Networks]:
    networks = Networks(options)
    await networks.start()
    try:
        yield networks
    finally:
        await networks.close()


def do(options: Options, act: Callable[[Networks], Awaitable[None]]) -> None:
    async def main() -> None:
        async with started(options) as networks:
            await act(networks)

    asyncio.run(main())


def configure(options: Options, document: object, name: str = "10.conflist") -> Path:
    path = Path(options.cni_configurations, name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def has_table() -> bool:
    with Connection(NETFILTER) as asking:
        try:
            return bool(asking.ask(nftables.get_table("firkin")))
        except KernelError:
            return False


async def readable(notices: Connection) -> None:
    loop = asyncio.get_running_loop()
    has_come = asyncio.Event()
    loop.add_reader(notices.fileno(), has_come.set)
    await has_come.wait()
    loop.remove_reader(notices.fileno())
    list(notices.notices())


def boxes(here: World, *names: str) -> list[Sandbox]:
    return [Sandbox(name, here.namespace(name).path) for name in names]


def test_without_a_configuration_pods_are_in_the_built_in_network(here: World, options: Options) -> None:
    namespace = here.namespace("box")
    box = Sandbox("box", namespace.path, ports=(PortMapping("tcp", 80, 8080),))

    async def act(networks: Networks) -> None:
        status = await networks.status()
        assert (status.ready, status.source) == (True, "")
        attached = await networks.attach(box)
        assert (attached.ips, attached.name) == (("10.77.0.2", "fd77::2"), "firkin")
        assert exchange(here.outside, (HOST[4], 8080), namespace, ("0.0.0.0", 80)) == OUTSIDE[4]
        await networks.check("box")
        with pytest.raises(AlreadyExistsError, match="box: it is attached already"):
            await networks.attach(box)
        await networks.detach("box")
        await networks.detach("box")
        with pytest.raises(NotFoundError):
            await networks.check("box")
        # What is left of it to be deleted is no obstacle.
        assert (await networks.attach(box)).ips == ("10.77.0.3", "fd77::3")
        await networks.detach("box")

    do(options, act)
    assert leftovers(options) == []


def test_many_pods_at_a_time(here: World, options: Options) -> None:
    pods = boxes(here, *(f"p{number}" for number in range(40)))

    async def act(networks: Networks) -> None:
        attached = await asyncio.gather(*(networks.attach(pod) for pod in pods))
        assert len({network.ips for network in attached}) == 40
        await asyncio.gather(*(networks.check(pod.id) for pod in pods))
        await asyncio.gather(*(networks.detach(pod.id) for pod in pods[:39]))

    do(options, act)
    assert len(leftovers(options)) == 2

    async def next_process(networks: Networks) -> None:
        await networks.check("p39")
        assert await networks.collect(["p39"]) == []
        assert await networks.collect([]) == ["sandbox p39"]

    do(options, next_process)
    assert leftovers(options) == []


def test_what_could_not_be_known_at_the_start_is_collected(here: World, options: Options) -> None:
    [box] = boxes(here, "box")

    async def attach(networks: Networks) -> None:
        await networks.attach(box)

    do(options, attach)

    async def next_process() -> None:
        with open(f"{options.state}/lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            networks = Networks(options)
            await networks.start()
            with pytest.raises(NetworkError, match="another process has it"):
                await networks.collect([])
        assert await networks.collect([]) == ["sandbox box"]
        await networks.close()

    asyncio.run(next_process())
    assert leftovers(options) == []


def test_what_was_begun_is_finished_though_nobody_waits(here: World, options: Options) -> None:
    [box] = boxes(here, "box")

    async def act(networks: Networks) -> None:
        waiting = asyncio.ensure_future(networks.attach(box))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        # It comes after what was begun.
        await networks.check("box")
        again, gone = asyncio.ensure_future(networks.attach(box)), asyncio.ensure_future(networks.detach("box"))
        with pytest.raises(AlreadyExistsError):
            await again
        await gone

    do(options, act)
    assert leftovers(options) == []


def test_pods_that_are_being_attached_are_not_collected(here: World, options: Options) -> None:
    pods = boxes(here, *(f"p{number}" for number in range(10)))

    async def act(networks: Networks) -> None:
        attaching = [asyncio.ensure_future(networks.attach(pod)) for pod in pods]
        await asyncio.sleep(0)
        assert await networks.collect([]) == []
        await asyncio.gather(*attaching)
        await asyncio.gather(*(networks.check(pod.id) for pod in pods))

    do(options, act)


def test_a_firewall_that_is_loaded_anew_is_noticed(here: World, options: Options) -> None:
    [box] = boxes(here, "box")

    async def act(networks: Networks) -> None:
        await networks.attach(box)
        with Connection(NETFILTER, nftables.NFTABLES_NOTICES) as notices:
            run("nft flush ruleset")
            # Nobody asks for anything; the kernel's notice is what counts.
            async with asyncio.timeout(SECONDS):
                while not has_table():
                    await readable(notices)
        run("ip link del firkin0")
        assert (await networks.status()).ready
        await networks.check("box")

    do(options, act)


def test_the_ranges_of_the_kubelet_last(here: World, options: Options) -> None:
    a, b = boxes(here, "a", "b")

    async def act(networks: Networks) -> None:
        await networks.update_pod_cidr("")
        await networks.update_pod_cidr("10.99.1.0/24, fd99::/64")
        assert (await networks.attach(a)).ips == ("10.99.1.2", "fd99::2")
        with pytest.raises(ConfigError, match="pod_cidr: 'ten' does not"):
            await networks.update_pod_cidr("ten")

    async def next_process(networks: Networks) -> None:
        assert (await networks.attach(b)).ips == ("10.99.1.3", "fd99::3")

    do(options, act)
    do(options, next_process)


def test_a_network_that_can_not_be_made_is_told(here: World, options: Options) -> None:
    run("ip link add firkin0 type veth peer name other")

    async def act(networks: Networks) -> None:
        status = await networks.status()
        assert (status.ready, status.reason) == (False, "NetworkPluginNotReady")
        assert status.message.startswith("use link firkin0 as bridge: it is none")
        [box] = boxes(here, "box")
        with pytest.raises(NetworkError, match="use link firkin0 as bridge"):
            await networks.attach(box)
        run("ip link del firkin0")
        assert (await networks.status()).ready
        await networks.attach(box)

    do(options, act)


def test_a_configuration_is_in_force_as_soon_as_it_is_there(
    here: World, options: Options, plugins: FileNetwork, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "firkin.cri.network.networks")
    a, b, c = boxes(here, "a", "b", "c")

    async def act(networks: Networks) -> None:
        assert (await networks.attach(a)).name == "firkin"
        path = configure(options, plugins.configuration())
        status = await networks.status()
        assert (status.ready, status.source) == (True, str(path))
        assert (await networks.attach(b)).name == "filenet"
        assert "state UNKNOWN" in run(f"nsenter --net={b.netns} ip link show lo")
        # Each is in the network that it was attached to.
        await networks.check("a")
        await networks.check("b")
        path.write_text("{")
        status = await networks.status()
        assert not status.ready
        assert f"{path}: line 1" in status.message
        with pytest.raises(NetworkError, match=f"attach sandbox c: {path}: line 1"):
            await networks.attach(c)
        await networks.detach("b")
        path.unlink()
        assert (await networks.attach(c)).name == "firkin"
        await networks.detach("a")

    do(options, act)
    assert plugins.commands()[-2:] == ["second DEL", "first DEL"]
    said = [record.getMessage() for record in caplog.records if record.name == "firkin.cri.network.networks"]
    path = f"{options.cni_configurations}/10.conflist"
    assert [line for line in said if line.startswith("the network of pods is ")] == [
        f"the network of pods is {where}" for where in ("built in", f"that of {path}", "nowhere", "built in")
    ]
    assert any(line.startswith(f"{path}: line 1") for line in said)
    assert "c.json" in leftovers(options)


def test_plugins_say_whether_they_are_ready(here: World, options: Options, plugins: FileNetwork) -> None:
    configure(options, plugins.configuration())

    async def act(networks: Networks) -> None:
        assert (await networks.status()).ready
        plugins.fail("first", "STATUS", 51, "no way out")
        status = await networks.status()
        assert not status.ready
        assert "no way out" in status.message
        plugins.mend("first", "STATUS")
        (plugins.binaries / "second").unlink()
        assert "CNI plug-in second: is not in" in (await networks.status()).message

    do(options, act)
    # Where plug-ins are used there is no bridge.
    assert "firkin0" not in run("ip link")


def test_what_plugins_lost_is_collected_after_a_crash(here: World, options: Options, plugins: FileNetwork) -> None:
    configure(options, plugins.configuration())
    pods = boxes(here, "a", "b")

    async def act(networks: Networks) -> None:
        for pod in pods:
            await networks.attach(pod)

    do(options, act)
    (plugins.place / "leases" / "lost").write_text("10.9.0.77")

    async def next_process(networks: Networks) -> None:
        assert await networks.collect(["a"]) == ["sandbox b"]
        assert plugins.leases == ["a"]
        plugins.fail("first", "DEL", 100, "busy")
        with pytest.raises(NetworkError, match="first, DEL of sandbox a: busy"):
            await networks.collect([])
        with pytest.raises(NetworkError, match="busy"):
            await networks.detach("a")
        plugins.mend("first", "DEL")
        await networks.detach("a")

    do(options, next_process)
    assert plugins.leases == []


def test_plugins_are_called_for_many_pods_at_a_time(here: World, options: Options, plugins: FileNetwork) -> None:
    configure(options, plugins.configuration())
    pods = boxes(here, *(f"p{number}" for number in range(8)))

    async def act(networks: Networks) -> None:
        await asyncio.gather(*(networks.attach(pod) for pod in pods))
        assert len(plugins.leases) == 8
        waiting = asyncio.ensure_future(networks.detach("p0"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(*(networks.detach(pod.id) for pod in pods))

    do(options, act)
    assert plugins.leases == []
