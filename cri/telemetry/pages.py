"""The pages of the endpoint, about one node."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from firkin.cri.node import Node
from firkin.cri.telemetry.endpoint import Answer, Page
from firkin.cri.telemetry.health import Check, is_good, live_checks, ready_checks, report
from firkin.cri.telemetry.page import page

__all__ = ["pages_of"]


def pages_of(node: Node) -> Mapping[str, Page]:
    """The pages by path."""

    async def metrics() -> Answer:
        return HTTPStatus.OK, page(node)

    async def healthz() -> Answer:
        return _answer(live_checks(node))

    async def readyz() -> Answer:
        return _answer(await ready_checks(node))

    return {"/metrics": metrics, "/healthz": healthz, "/readyz": readyz}


def _answer(checks: list[Check]) -> Answer:
    return HTTPStatus.OK if is_good(checks) else HTTPStatus.SERVICE_UNAVAILABLE, report(checks)
