"""What the calls have in common: the records, the configuration, and the parts that do the work."""

from __future__ import annotations

from firkin.cri.config import Config
from firkin.cri.records.container import Container
from firkin.cri.records.creations import Creations
from firkin.cri.records.database import Database
from firkin.cri.records.sandbox import Sandbox
from firkin.cri.records.table import Table

__all__ = ["Node"]


class Node:
    """The server's state; one event loop owns it."""

    def __init__(self, config: Config, database: Database) -> None:
        self.config = config
        self.database = database
        self.sandboxes: Table[Sandbox] = Table("pod sandbox")
        self.containers: Table[Container] = Table("container")
        self.creations = Creations()

    def containers_of(self, sandbox: Sandbox) -> list[Container]:
        """The containers of a sandbox, whatever their state."""
        return [container for container in self.containers if container.facts.sandbox == sandbox.id]
