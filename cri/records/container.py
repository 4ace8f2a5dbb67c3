"""Containers as the server knows them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from firkin.cri.api.container_pb2 import ContainerConfig, ContainerState
from firkin.cri.records.database import Database, Row
from firkin.cri.records.facts import facts_from_text, facts_to_text

if TYPE_CHECKING:
    from firkin.cri.containers.filesystem import FileSystem
    from firkin.oci.runtime_spec import Config

__all__ = ["Container", "ContainerFacts", "container_name"]


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """What became of a container. Times are in nanoseconds since the epoch, 0 for "not yet"; the state follows.

    `image_id` is the digest of the image's configuration, `image_name` what was asked for, resolved. `log_path` is
    absolute, "" for none. `cgroup` is where its cgroup lies below the mount. `user` is uid, gid and supplementary
    groups. `process` is the pid and start time of its first process, (0, 0) before there is one. `is_lost` says that
    nobody can tell what became of it. `stop_signal` is a number. `snapshot` is the directory of its writable files.
    `mounted_images` are the ids of the images that are mounted, by their places.
    `handler` is the runtime handler of its pod, "" for the default.
    """

    sandbox: str
    created_at: int = 0
    started_at: int = 0
    finished_at: int = 0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    is_lost: bool = False
    image_id: str = ""
    image_name: str = ""
    log_path: str = ""
    cgroup: str = ""
    user: tuple[int, ...] = ()
    process: tuple[int, int] = (0, 0)
    stop_signal: int = 15
    snapshot: str = ""
    mounted_images: dict[str, str] = field(default_factory=dict)
    handler: str = ""

    @property
    def state(self) -> ContainerState:
        """The state in CRI's terms."""
        if self.is_lost:
            return ContainerState.CONTAINER_UNKNOWN
        if self.finished_at:
            return ContainerState.CONTAINER_EXITED
        return ContainerState.CONTAINER_RUNNING if self.started_at else ContainerState.CONTAINER_CREATED


def container_name(config: ContainerConfig, sandbox: str) -> str:
    """What is unique among containers: the name in its sandbox, and the attempt."""
    return f"{config.metadata.name}_{sandbox}_{config.metadata.attempt}"


class Container:
    """One container: `config` as CRI sent it, but for resources that were updated; `facts`, changed by `update` alone.

    Who changes it holds `lock`; `stopped` is set once it has ended, by who writes that it has. `is_stopping` says that
    it was asked to end. `prepared` is what its plan was made of, None once it was started, or where an earlier server
    made it. `kept` is of `firkin.cri.kept`.
    """

    def __init__(self, id: str, config: ContainerConfig, facts: ContainerFacts, database: Database) -> None:
        self.id = id
        self.name = container_name(config, facts.sandbox)
        self.config = config
        self.facts = facts
        self.lock = asyncio.Lock()
        self.stopped = asyncio.Event()
        self.is_stopping = False
        self.prepared: tuple[Config, FileSystem] | None = None
        self.kept: tuple[Any, bytes] | None = None
        self._database = database

    @classmethod
    def load(cls, row: Row, database: Database) -> Container:
        """The container of a row. Raises StateError, DecodeError of protobuf."""
        return cls(row.id, ContainerConfig.FromString(row.config), facts_from_text(ContainerFacts, row.facts), database)

    def update(self, **changes: Any) -> None:
        """Change facts, here and on disk. Raises StateError if the disk refuses; then nothing has changed."""
        facts = replace(self.facts, **changes)
        config = self.config.SerializeToString()
        self._database.put(Row(self.id, "container", self.name, config, facts_to_text(facts)))
        self.facts = facts

    def forget(self) -> None:
        """Remove it from disk."""
        self._database.delete(self.id)
