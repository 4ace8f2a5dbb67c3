"""A question to a container, and the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.probe import Probe
from firkin.kubelet.probes.step import Outcome

__all__ = ["Answer", "Ask", "Question"]


class Question(NamedTuple):
    """What is asked of whom."""

    probe: Probe
    container: Container
    container_id: str
    pod_ip: str


class Answer(NamedTuple):
    """What came of it; `message` says it to people, `is_warning` that they should hear of a success too."""

    outcome: Outcome
    message: str = ""
    is_warning: bool = False


Ask = Callable[[Question], Awaitable[Answer]]
"""Asks once, within the timeout of the probe; raises nothing."""
