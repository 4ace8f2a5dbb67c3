"""`firkin kubelet`: the node agent."""

from __future__ import annotations

from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "kubelet",
    "keep pods running on this machine",
    group="Daemons",
    options=(Option("config", "c", "FILE", "read this configuration instead of /etc/firkin/config.toml and config.d"),),
    description=(
        "Runs the pods that are described in /etc/firkin/manifests and those that firkin apply adds, by a runtime that "
        "serves the Container Runtime Interface, firkin cri or another one. Runs in the foreground until SIGTERM; pods "
        "run on without it, and are found again."
    ),
    examples=(
        ("firkin kubelet", "keep pods running, as the configuration says"),
        ("firkin node", "the same, with the runtime in the same process"),
    ),
)


def run(invocation: Invocation) -> int:
    """Keep pods running until told to stop; returns 0."""
    import asyncio

    from firkin import log
    from firkin.kubelet.agent import serve
    from firkin.kubelet.config import load_config
    from firkin.settings import CONFIG_FILE, read_settings

    path = invocation.text("config")
    config = load_config(read_settings(path or CONFIG_FILE, required=bool(path)), document=path or CONFIG_FILE)
    log.set_up(level="debug" if invocation.debug else config.log_level, style=config.log_format)
    asyncio.run(serve(config))
    return 0
