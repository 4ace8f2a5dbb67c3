"""`firkin port-forward`: ports of this machine that lead to ports of a pod."""

from __future__ import annotations

from firkin.errors import UsageError
from firkin.kubelet.client.options import NAMESPACE, SOCKET, agent_of, pod_name, pods_path
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]


def _check(invocation: Invocation) -> None:
    for word in invocation.arguments[1:]:
        _pair(word, {})


COMMAND = Command(
    "port-forward",
    "forward local ports to a pod",
    "POD PORT...",
    group="Pods",
    options=(
        NAMESPACE,
        Option("address", "", "ADDRESSES", "listen at these addresses, with commas between them", default="localhost"),
        SOCKET,
    ),
    description=(
        "PORT is LOCAL:REMOTE, or one number for both; without LOCAL a free one is taken. REMOTE may be the name that "
        "a container gives its port. Runs until it is interrupted."
    ),
    examples=(
        ("firkin port-forward web 8080:80", "port 8080 of localhost leads to port 80 of the pod web"),
        ("firkin port-forward pod/web :http", "a free port to the one that is named http"),
    ),
    check=_check,
)


def run(invocation: Invocation) -> int:
    """Forward until interrupted; returns 0."""
    from firkin.kubelet.client.forward import forward

    agent = agent_of(invocation)
    path = pods_path(invocation, pod_name(invocation.arguments[0]))
    pod = agent.get(path)
    phase = pod.get("status", {}).get("phase", "")
    if phase != "Running":
        raise UsageError(f"unable to forward port because pod is not running. Current status={phase}")
    names = {
        port["name"]: port["containerPort"]
        for container in pod["spec"]["containers"]
        for port in container.get("ports", ())
        if port.get("name")
    }
    pairs = [_pair(word, names) for word in invocation.arguments[1:]]
    addresses = [text.strip() for text in invocation.text("address").split(",")]
    forward(agent.path, path, pairs, addresses)
    return 0


def _pair(word: str, names: dict[str, int]) -> tuple[int, int]:
    # With no names, those that are none yet pass.
    local, colon, remote = word.rpartition(":")
    try:
        to = names[remote] if remote in names else int(remote)
    except ValueError:
        if names or not remote:
            raise UsageError(f"port-forward: {word}: Pod does not have a named port '{remote}'") from None
        to = 1
    try:
        here = int(local) if local else 0 if colon else to
    except ValueError:
        raise UsageError(f"port-forward: error parsing local port '{local}'") from None
    if not (0 <= here < 65536 and 0 < to < 65536):
        raise UsageError(f"port-forward: {word}: ports are numbers from 1 to 65535")
    return here, to
