"""`firkin node`: the runtime and the node agent in one process, for a machine without a cluster.

The one place that knows both: they still talk over the runtime's socket.
"""

from __future__ import annotations

from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.cri.config import Config
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "node",
    "serve the Container Runtime Interface and keep pods running, in one process",
    group="Daemons",
    options=(Option("config", "c", "FILE", "read this configuration instead of /etc/firkin/config.toml and config.d"),),
    description=(
        "firkin cri and firkin kubelet as one command. Runs in the foreground until SIGTERM; pods run on without it, "
        "and are found again."
    ),
    examples=(("firkin node", "run this machine's pods"),),
)


def run(invocation: Invocation) -> int:
    """Serve, and keep pods running, until told to stop; returns 0."""
    import asyncio
    from dataclasses import replace
    from functools import partial

    from firkin import log
    from firkin.cri import config as cri
    from firkin.cri.daemon import serve
    from firkin.kubelet.agent import run_until
    from firkin.kubelet.config import load_config
    from firkin.settings import CONFIG_FILE, read_settings

    path = invocation.text("config")
    document = path or CONFIG_FILE

    def load() -> Config:
        config = cri.load_config(read_settings(document, required=bool(path)), document=document)
        return replace(config, log_level="debug" if invocation.debug else config.log_level)

    runtime = load()
    agent = load_config(read_settings(document, required=bool(path)), document=document)
    agent = replace(agent, runtime_endpoint=f"unix://{runtime.socket}")
    log.set_up(level=runtime.log_level, style=runtime.log_format, file=runtime.log_file)
    asyncio.run(serve(runtime, load, partial(run_until, agent)))
    return 0
