"""What the calls have in common: the records, the configuration, and the parts that do the work."""

from __future__ import annotations

from firkin.cri.api.events_pb2 import ContainerEventType
from firkin.cri.config import Config
from firkin.cri.containers import query as containers_query
from firkin.cri.containers.filesystem import FileSystems
from firkin.cri.events import Events
from firkin.cri.handlers.handler import Handler
from firkin.cri.handlers.scopes import Scopes
from firkin.cri.handlers.table import Handlers
from firkin.cri.images.catalog import Catalog
from firkin.cri.network import Networks
from firkin.cri.phase import Phase
from firkin.cri.places import Places
from firkin.cri.records.container import Container
from firkin.cri.records.creations import Creations
from firkin.cri.records.database import Database
from firkin.cri.records.sandbox import Sandbox
from firkin.cri.records.table import Table
from firkin.cri.sandboxes import query as sandboxes_query
from firkin.cri.spec.inputs import HostFacts
from firkin.cri.telemetry.meters import Meters
from firkin.runtime.compile.request import Host
from firkin.runtime.monitor.launch import Launcher

__all__ = ["Node"]


class Node:
    """The server's state; one event loop owns it.

    `facts` are what the host allows to requests, `host` what the plan compiler wants to know of it. `nursery` is the
    path of the mount namespace that sandboxes are born in, for this process. `handlers` run the containers.
    `scopes` are those of systemd, None where it does not make the cgroups.
    """

    def __init__(
        self, config: Config, database: Database, *, places: Places, networks: Networks, catalog: Catalog,
        file_systems: FileSystems, nursery: str, launcher: Launcher, facts: HostFacts, host: Host, handlers: Handlers,
        meters: Meters, scopes: Scopes | None,
    ) -> None:  # fmt: skip
        self.config = config
        self.database = database
        self.places = places
        self.networks = networks
        self.catalog = catalog
        self.file_systems = file_systems
        self.nursery = nursery
        self.launcher = launcher
        self.facts = facts
        self.host = host
        self.handlers = handlers
        self.meters = meters
        self.scopes = scopes
        self.phase = Phase.STARTING
        self.events = Events()
        self.creations = Creations()
        self.sandboxes: Table[Sandbox] = Table("pod sandbox")
        self.containers: Table[Container] = Table("container")

    def handler_of(self, container: Container) -> Handler:
        """Who runs a container."""
        return self.handlers.of_record(container.facts.handler)

    def containers_of(self, sandbox: Sandbox) -> list[Container]:
        """The containers of a sandbox, whatever their state."""
        return [container for container in self.containers if container.facts.sandbox == sandbox.id]

    def tell(self, kind: ContainerEventType, id: str, sandbox: Sandbox | None) -> None:
        """Publish an event about the sandbox or one of its containers; None for a sandbox that is gone."""
        if not self.events.is_heard:
            return
        status = sandboxes_query.status_of(sandbox) if sandbox else None
        containers = [containers_query.status_of(one) for one in self.containers_of(sandbox)] if sandbox else []
        self.events.publish(kind, id, status, containers)
