"""`firkin cri`: the server for kubelets."""

from __future__ import annotations

from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "cri",
    "serve the Container Runtime Interface to a kubelet",
    group="Daemons",
    options=(
        Option("config", "c", "FILE", "read this configuration instead of /etc/firkin/config.toml and config.d"),
        Option("socket", "", "PATH", "serve on this unix socket (default: /run/firkin/cri.sock)"),
    ),
    description=(
        "Runs in the foreground until SIGTERM; containers run on without it, and are found again. SIGHUP reads the "
        "configuration anew. Set the kubelet's "
        "containerRuntimeEndpoint, or crictl's --runtime-endpoint, to unix:///run/firkin/cri.sock."
    ),
    examples=(
        ("firkin cri", "serve, as the configuration says"),
        ("crictl --runtime-endpoint unix:///run/firkin/cri.sock info", "ask it"),
    ),
)


def run(invocation: Invocation) -> int:
    """Serve until told to stop; returns 0."""
    import asyncio
    from dataclasses import replace

    from firkin import log
    from firkin.cri.config import Config, load_config
    from firkin.cri.daemon import serve
    from firkin.settings import CONFIG_FILE, read_settings

    path = invocation.text("config")

    def load() -> Config:
        settings = read_settings(path or CONFIG_FILE, required=bool(path))
        config = load_config(settings, document=path or CONFIG_FILE)
        # What the command line says holds whatever the files say.
        socket = invocation.text("socket") if invocation.given("socket") else config.socket
        return replace(config, socket=socket, log_level="debug" if invocation.debug else config.log_level)

    config = load()
    log.set_up(level=config.log_level, style=config.log_format, file=config.log_file)
    asyncio.run(serve(config, load))
    return 0
