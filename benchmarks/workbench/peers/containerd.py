"""A containerd for one benchmark: its own daemon, with one container in it, asked over its socket."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

__all__ = ["Containerd", "containerd"]

_METRICS = "/containerd.services.tasks.v1.Tasks/Metrics"
_NAMESPACE = ("containerd-namespace", "default")
_SECONDS = 60
# What needs a kernel's feature or a program that may be missing, and has no part in this.
_DISABLED = (
    "io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing",
    "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
)  # fmt: skip


class Containerd:
    """The daemon's client: `ctr` as a command, and its service of tasks."""

    def __init__(self, socket: Path) -> None:
        self.command = ["ctr", "--address", str(socket)]
        self._channel = grpc.insecure_channel(f"unix://{socket}")

    def wait_ready(self) -> None:
        """Wait until the daemon answers. Raises grpc.FutureTimeoutError."""
        grpc.channel_ready_future(self._channel).result(timeout=_SECONDS)

    def ctr(self, *words: str) -> None:
        """Run a command of ctr. Raises CalledProcessError, with what it said in `stderr`."""
        subprocess.run([*self.command, *words], check=True, capture_output=True)

    def metrics(self, id: str) -> Callable[[], bytes]:
        """A call for the statistics of a task."""
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(_METRICS)
        text = f"id=={id}".encode()
        # MetricsRequest: field 1, a string, is a filter.
        request = b"\x0a" + bytes([len(text)]) + text

        def ask() -> bytes:
            answer: bytes = call(request, metadata=(_NAMESPACE,), timeout=_SECONDS)
            return answer

        return ask

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()


def _configuration(directory: Path) -> str:
    disabled = ", ".join(f'"{name}"' for name in _DISABLED)
    return (
        f'version = 2\nroot = "{directory}/root"\nstate = "{directory}/state"\ndisabled_plugins = [{disabled}]\n'
        f'[grpc]\naddress = "{directory}/socket"\n[ttrpc]\naddress = "{directory}/ttrpc"\n'
    )


@contextmanager
def containerd(directory: Path, configuration: Path, id: str) -> Iterator[Containerd]:
    """A daemon below `directory` with a running container of this config.json; both are gone at the end."""
    directory.mkdir()
    (directory / "config.toml").write_text(_configuration(directory))
    with (directory / "log").open("wb") as log:
        daemon = subprocess.Popen(["containerd", "-c", directory / "config.toml"], stdout=log, stderr=log)
    client = Containerd(directory / "socket")
    try:
        client.wait_ready()
        client.ctr("run", "--detach", "--fifo-dir", str(directory), "--config", str(configuration), id)
        try:
            yield client
        finally:
            client.ctr("task", "delete", "--force", id)
            client.ctr("container", "delete", id)
    finally:
        client.close()
        daemon.terminate()
        daemon.wait()
