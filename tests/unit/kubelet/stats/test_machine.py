"""The machine, from a tree of files as the kernel has them."""

from __future__ import annotations

from pathlib import Path

from firkin.kubelet.stats.machine import Machine, filesystem

FILES = {
    "stat": "cpu  100 20 30 4000 50 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\nbtime 1700000000\n",
    "meminfo": "MemTotal:  1000 kB\nMemFree:  400 kB\nInactive(file):  100 kB\nAnonPages:  200 kB\nSwapTotal:  50 kB\n"
    "SwapFree:  20 kB\nHugePages_Total:  0\n",
    "vmstat": "pgfault 7\npgmajfault 2\n",
    "net/dev": "Inter-| Receive | Transmit\n face |bytes\n"
    "    lo: 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9\n"
    "  eth0: 1 2 3 4 5 6 7 8 11 12 13 14 15 16 17 18\n",
    "net/route": "Iface\tDestination\tGateway\neth0\t00000000\t0100A8C0\n",
}


def machine(place: Path) -> Machine:
    for name, text in FILES.items():
        path = place / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return Machine(str(place))


def test_what_is_used(tmp_path: Path) -> None:
    found = machine(tmp_path)
    assert found.started_at().timestamp() == 1_700_000_000
    # In hundredths of a second: user, nice, system, irq, softirq and steal, each of a kernel of 100 Hz.
    assert found.cpu().usage_core_nano_seconds == (100 + 20 + 30 + 6 + 7 + 8) * 10**7
    memory = found.memory()
    assert (memory.usage_bytes, memory.working_set_bytes, memory.available_bytes) == (600 << 10, 500 << 10, 500 << 10)
    assert (memory.rss_bytes, memory.page_faults, memory.major_page_faults) == (200 << 10, 7, 2)
    assert (found.swap().swap_usage_bytes, found.swap().swap_available_bytes) == (30 << 10, 20 << 10)
    assert found.capacity() == (1000 << 10, 50 << 10)


def test_traffic(tmp_path: Path) -> None:
    network = machine(tmp_path).network()
    assert network is not None
    assert (network.name, network.rx_bytes, network.rx_errors, network.tx_bytes, network.tx_errors) == (
        "eth0",
        1,
        3,
        11,
        13,
    )
    assert [one.name for one in network.interfaces] == ["eth0"]


def test_this_machine(tmp_path: Path) -> None:
    found = Machine()
    assert (found.memory().working_set_bytes or 0) > 1 << 20
    assert found.network() is not None
    own = filesystem(str(tmp_path), used_bytes=5, inodes_used=1)
    assert (own.used_bytes, own.inodes_used) == (5, 1)
    assert (own.capacity_bytes or 0) > 0
