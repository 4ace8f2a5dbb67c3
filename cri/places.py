"""Where the server keeps what belongs to sandboxes and containers.

STATE/sandboxes/ID/     namespaces, files and /dev/shm of a pod
STATE/containers/ID/    the monitor's socket, the record of the end, the plan, the name of the holding
STATE/runtime/ID/       the container's record as an OCI runtime has it
STATE/handlers/NAME/    what the runtime of the handler NAME has noted of its containers
STATE/consoles/         sockets for terminals, while another runtime makes a container
"""

from __future__ import annotations

import os

__all__ = ["Places"]


class Places:
    """The directories below `state`, made with mode 0700 where they are missing."""

    def __init__(self, state: str) -> None:
        self.sandboxes, self.containers = f"{state}/sandboxes", f"{state}/containers"
        self.runtime, self.pins = f"{state}/runtime", f"{state}/pins"
        self.handlers, self.consoles = f"{state}/handlers", f"{state}/consoles"
        for path in (self.sandboxes, self.containers, self.runtime, self.pins, self.handlers, self.consoles):
            os.makedirs(path, 0o700, exist_ok=True)

    def sandbox(self, id: str) -> str:
        """The directory of a sandbox."""
        return f"{self.sandboxes}/{id}"

    def container(self, id: str) -> str:
        """The directory of a container."""
        return f"{self.containers}/{id}"

    def handler(self, name: str) -> str:
        """The directory of a handler's runtime."""
        return f"{self.handlers}/{name}"
