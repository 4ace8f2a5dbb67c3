"""A resize of one pod on its way: asked for, put off or impossible, given, and done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from firkin.kubelet.api.container import Container, ResourceRequirements
from firkin.kubelet.api.meta import Condition
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.pods.allocation import Allocation
from firkin.kubelet.pods.services import Refusal
from firkin.kubelet.pods.telling import NORMAL, WARNING

__all__ = ["IN_PROGRESS", "PENDING", "Note", "Resizing"]

PENDING = "PodResizePending"
"""The type of the condition that says why a resize does not begin."""
IN_PROGRESS = "PodResizeInProgress"
"""The type of the condition that is true until the containers have what was given."""


class Note(NamedTuple):
    """An event: its type, reason and message."""

    type: str
    reason: str
    message: str


class Resizing:
    """The resizes of a pod, one after the other; begins with what the status of `pod` says of the agent before.

    `before` is the pod with what it had until the resize that is under way, None if there is none; `error` says why
    that could not be done the last time.
    """

    def __init__(self, pod: Pod) -> None:
        self._given = Allocation.recorded(pod)
        self._refusal: tuple[str, str] | None = None
        self._generation = pod.metadata.generation
        under_way = any(one.type == IN_PROGRESS for one in pod.status.conditions)
        self.before: Pod | None = self.given_to(pod) if under_way else None
        self.error = ""

    @property
    def is_pending(self) -> bool:
        """Whether something is asked for that can not be given now."""
        return self._refusal is not None

    def given_to(self, pod: Pod) -> Pod:
        """The pod with what it was given in place of what it asks for."""
        return self._given.given_to(pod)

    def begin(self, pod: Pod) -> None:
        """The pod was let in with what it asks for."""
        self._given = Allocation.wanted(pod)

    def decide(self, pod: Pod, refuse: Callable[[Pod], Refusal | None]) -> Note | None:
        """Give the pod what it asks for, unless the node can `refuse` it with a reason; returns what is to be told."""
        wanted = Allocation.wanted(pod)
        if wanted.is_as(self._given):
            self._refusal = None
            return None
        refusal = refuse(pod)
        if refusal is None:
            # Until the containers have what was given last, that is what they may have.
            self.before = self.before or self.given_to(pod)
            self._given, self._refusal, self.error = wanted, None, ""
            self._generation = pod.metadata.generation
            return Note(NORMAL, "ResizeStarted", f"Pod resize started: {_described(pod)}")
        was, self._refusal = self._refusal, (refusal.reason, refusal.message)
        if was == self._refusal:
            return None
        text = f"Pod resize {refusal.reason}: {_described(pod, refusal.message)}"
        return Note(WARNING, f"Resize{refusal.reason}", text)

    def end(self, pod: Pod, error: str) -> Note | None:
        """It was tried to give the containers what they were given; `error` is what was wrong, "" if nothing was."""
        if not error:
            self.before, self.error = None, ""
            return Note(NORMAL, "ResizeCompleted", f"Pod resize completed: {_described(self.given_to(pod))}")
        was, self.error = self.error, error
        text = f"Pod resize error: {_described(self.given_to(pod), error)}"
        return Note(WARNING, "ResizeError", text) if was != error else None

    def conditions(self, pod: Pod) -> list[Condition]:
        """The conditions that say how far it has come."""
        found = []
        if self._refusal is not None:
            reason, message = self._refusal
            generation = pod.metadata.generation or None
            found.append(
                Condition(type=PENDING, status="True", reason=reason, message=message, observed_generation=generation)
            )
        if self.before is not None:
            reason = "Error" if self.error else ""
            generation = self._generation or None
            found.append(
                Condition(
                    type=IN_PROGRESS, status="True", reason=reason, message=self.error, observed_generation=generation
                )
            )
        return found


def _described(pod: Pod, error: str = "") -> str:
    # As the kubelet tells it, in JSON.
    value: dict[str, object] = {}
    for field, containers in (("initContainers", pod.spec.init_containers), ("containers", pod.spec.containers)):
        if found := [_container(one) for one in containers if one.resources != ResourceRequirements()]:
            value[field] = found
    value["generation"] = pod.metadata.generation
    if error:
        value["error"] = error
    return msgspec.json.encode(value).decode()


def _container(container: Container) -> Mapping[str, object]:
    return {"name": container.name, "resources": container.resources}
