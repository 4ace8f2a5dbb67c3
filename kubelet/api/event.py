"""Events: what happened to an object (core/v1)."""

from __future__ import annotations

from datetime import datetime

from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.struct import Object, always
from firkin.kubelet.api.workload import ObjectReference

__all__ = ["Event", "EventSource"]


class EventSource(Object, frozen=True):
    """Who tells it."""

    component: str = ""
    host: str = ""


class Event(Resource, frozen=True, kw_only=True):
    """`type` is Normal or Warning; what happens again is counted."""

    involved_object: ObjectReference
    api_version: str = always("v1")
    kind: str = always("Event")
    reason: str = ""
    message: str = ""
    source: EventSource = EventSource()
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    count: int = 1
    type: str = "Normal"
