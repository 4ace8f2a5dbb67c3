"""What the commands that talk to the agent have in common: where it is, and which pods are meant."""

from __future__ import annotations

from firkin.errors import UsageError
from firkin.runtime.cli.options import Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.kubelet.client.agent import Agent
    from firkin.runtime.cli.commands import Invocation

__all__ = ["ALL_NAMESPACES", "NAMESPACE", "SELECTOR", "SOCKET", "agent_of", "pod_name", "pods_path"]

SOCKET = Option("socket", "", "PATH", "the agent's socket (default: /run/firkin/kubelet.sock)")
NAMESPACE = Option("namespace", "n", "NAMESPACE", "the namespace", default="default")
ALL_NAMESPACES = Option("all-namespaces", "A", help="all namespaces")
SELECTOR = Option("selector", "l", "SELECTOR", "choose by labels, such as app=web,tier!=db")
_PODS = ("pod", "pods", "po")


def agent_of(invocation: Invocation) -> Agent:
    """The agent that is meant."""
    from firkin.kubelet.client.agent import DEFAULT_SOCKET, Agent
    from firkin.runtime.images.common import ignore_broken_pipes

    # Who hangs up first, as containerd does at the end of a stream, must not end this process.
    ignore_broken_pipes()
    return Agent(invocation.text("socket") or DEFAULT_SOCKET)


def pods_path(invocation: Invocation, name: str = "") -> str:
    """The path of the API for pods of the namespace, or for one of them."""
    path = f"/api/v1/namespaces/{invocation.text('namespace')}/pods"
    return f"{path}/{name}" if name else path


def pod_name(word: str) -> str:
    """The name in `web` or `pod/web`. Raises UsageError for another kind."""
    kind, slash, name = word.rpartition("/")
    if slash and kind not in _PODS:
        raise UsageError(f"{word}: only pods have this", hint="pod/NAME")
    return name
