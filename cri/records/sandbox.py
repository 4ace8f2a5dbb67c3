"""Pod sandboxes as the server knows them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from firkin.cri.api.pod_pb2 import PodSandboxConfig
from firkin.cri.records.database import Database, Row
from firkin.cri.records.facts import facts_from_text, facts_to_text

__all__ = ["Sandbox", "SandboxFacts", "sandbox_name"]


@dataclass(frozen=True, slots=True)
class SandboxFacts:
    """What became of a sandbox. Times are in nanoseconds since the epoch, 0 for "not yet".

    `is_ready` is false from the moment when it is stopped, or was never whole. `handler` is the runtime handler, ""
    for the default. `namespaces` maps types, in the words of the OCI specification, to the paths where they are
    pinned. `addresses` are those of the pod, the first one its main one. `network` is what the network needs to
    release them, its own JSON. `cgroup` is the pod's cgroup, as CRI gave it. `init` is the pid and start time of the
    process of a shared pid namespace, (0, 0) for none.
    """

    created_at: int = 0
    is_ready: bool = False
    handler: str = ""
    namespaces: dict[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    network: dict[str, Any] = field(default_factory=dict)
    cgroup: str = ""
    init: tuple[int, int] = (0, 0)


def sandbox_name(config: PodSandboxConfig) -> str:
    """What is unique among sandboxes: the pod's name, namespace, uid, and the attempt."""
    metadata = config.metadata
    return f"{metadata.name}_{metadata.namespace}_{metadata.uid}_{metadata.attempt}"


class Sandbox:
    """One sandbox: `config` as CRI sent it, never changed; `facts`, changed by `update` alone.

    Who changes it holds `lock`. `kept` is of `firkin.cri.kept`.
    """

    def __init__(self, id: str, config: PodSandboxConfig, facts: SandboxFacts, database: Database) -> None:
        self.id = id
        self.name = sandbox_name(config)
        self.config = config
        self.facts = facts
        self.lock = asyncio.Lock()
        self.kept: tuple[Any, bytes] | None = None
        self._database = database

    @classmethod
    def load(cls, row: Row, database: Database) -> Sandbox:
        """The sandbox of a row. Raises StateError, DecodeError of protobuf."""
        config = PodSandboxConfig.FromString(row.config)
        return cls(row.id, config, facts_from_text(SandboxFacts, row.facts), database)

    @classmethod
    def unknown(cls, id: str, database: Database) -> Sandbox:
        """One of which nothing but the id is known: something of it is left, and its record is gone."""
        return cls(id, PodSandboxConfig(), SandboxFacts(), database)

    def update(self, **changes: Any) -> None:
        """Change facts, here and on disk. Raises StateError if the disk refuses; then nothing has changed."""
        facts = replace(self.facts, **changes)
        config = self.config.SerializeToString()
        self._database.put(Row(self.id, "sandbox", self.name, config, facts_to_text(facts)))
        self.facts = facts

    def forget(self) -> None:
        """Remove it from disk."""
        self._database.delete(self.id)
