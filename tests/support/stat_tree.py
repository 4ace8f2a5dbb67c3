"""Trees of directories with the texts of statistics files in them, as a kernel wrote them."""

from __future__ import annotations

from pathlib import Path

__all__ = ["RECORDED", "write_group"]

RECORDED = {
    "cpu.stat": (
        "usage_usec 907349\nuser_usec 388864\nsystem_usec 518485\nnr_periods 20\nnr_throttled 5\n"
        "throttled_usec 70000\nnr_bursts 0\nburst_usec 0\n"
    ),
    "memory.current": "5668864\n",
    "memory.peak": "7008256\n",
    "memory.swap.current": "0\n",
    "memory.stat": (
        "anon 4096\nfile 5332992\nkernel 24576\nkernel_stack 0\npagetables 0\nsec_pagetables 0\npercpu 0\nsock 0\n"
        "vmalloc 0\nshmem 5242880\nfile_mapped 0\nfile_dirty 0\ninactive_anon 5242880\npgfault 527\npgmajfault 1\n"
    ),
    "memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\noom_group_kill 0\n",
    "memory.pressure": (
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    ),
    "cpu.pressure": (
        "some avg10=0.69 avg60=12.20 avg300=100.00 total=177014\nfull avg10=0.01 avg60=0.20 avg300=0.04 total=176994\n"
    ),
    "irq.pressure": "full avg10=0.50 avg60=0.25 avg300=0.01 total=77\n",
    "io.stat": (
        "8:0 rbytes=1048576 wbytes=4096 rios=9 wios=1 dbytes=0 dios=0\n"
        "259:0 rbytes=24 wbytes=0 rios=3 wios=0 dbytes=512 dios=1 cost.vrate=100.00\n"
    ),
    "pids.current": "3\n",
    "pids.peak": "7\n",
    "rdma.current": "mlx4_0 hca_handle=2 hca_object=2000\nocrdma1 hca_handle=3 hca_object=1\n",
    "cpu.max": "max 100000\n",
    "memory.max": "max\n",
    "io.weight": "default 100\n8:16 200\n",
}
"""What a group's files said, by name."""


def write_group(directory: Path, files: dict[str, str] = RECORDED) -> Path:
    """Make the directory, with the files in it; returns it."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text)
    return directory
