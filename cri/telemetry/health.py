"""Whether the server works, and whether it can run pods."""

from __future__ import annotations

from typing import NamedTuple

from firkin.cri.node import Node
from firkin.cri.phase import Phase
from firkin.cri.telemetry.meters import STATUS
from firkin.errors import FirkinError

__all__ = ["Check", "is_good", "live_checks", "ready_checks", "report"]


class Check(NamedTuple):
    """One part: `fault` is what is wrong with it, "" if it is well."""

    name: str
    fault: str = ""


def live_checks(node: Node) -> list[Check]:
    """Whether starting the server anew could help: that this is answered says that its loop runs."""
    return [Check("loop"), Check("database", _database_fault(node))]


async def ready_checks(node: Node) -> list[Check]:
    """Whether a pod could be run now."""
    serving = Check("serving", "" if node.phase is Phase.SERVING else node.phase.value)
    with node.meters.network(STATUS):
        network = await node.networks.status()
    fault = "" if network.ready else network.message or network.reason
    return [serving, Check("database", _database_fault(node)), Check("network", fault)]


def is_good(checks: list[Check]) -> bool:
    """Whether nothing is wrong."""
    return not any(check.fault for check in checks)


def report(checks: list[Check]) -> str:
    """The checks as text, in the form that Kubernetes' servers have for them."""
    lines = [f"[-]{one.name} failed: {one.fault}" if one.fault else f"[+]{one.name} ok" for one in checks]
    return "\n".join((*lines, "ok" if is_good(checks) else "failed")) + "\n"


def _database_fault(node: Node) -> str:
    try:
        node.database.check()
    except FirkinError as error:
        return str(error)
    return ""
