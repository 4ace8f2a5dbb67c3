"""`firkin exec pod/NAME`: run one more program in a container of a pod."""

from __future__ import annotations

from firkin.errors import UsageError
from firkin.kubelet.client.options import NAMESPACE, SOCKET, agent_of, pod_name, pods_path
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]


def _check(invocation: Invocation) -> None:
    if len(invocation.arguments) < 2:
        raise UsageError("exec: you must specify at least one command for the container", hint="pod/NAME -- COMMAND")


COMMAND = Command(
    "exec",
    "run one more program in a container of a pod",
    "POD [PROGRAM] [ARG...]",
    group="Pods",
    options=(
        NAMESPACE,
        Option("container", "c", "NAME", "the container, where the pod has several"),
        Option("stdin", "i", help="pass standard input to the program"),
        Option("tty", "t", help="give the program a terminal"),
        Option("quiet", "q", help="only print what the program says"),
        SOCKET,
    ),
    description="POD is pod/NAME. What follows -- is the program.",
    examples=(
        ("firkin exec pod/web -- ls /srv", "a program in a pod"),
        ("firkin exec -it pod/web -c proxy -- sh", "a shell in one of its containers"),
    ),
    exit_codes=(("N", "what the program returned"),),
    check=_check,
)


def run(invocation: Invocation) -> int:
    """Run the program; returns its exit code."""
    from firkin.kubelet.client.execute import execute

    agent, arguments = agent_of(invocation), invocation.arguments
    path = pods_path(invocation, pod_name(arguments[0]))
    # Says what is wrong in words, which a stream that is refused does not.
    pod = agent.get(path)
    names = [one["name"] for one in pod["spec"]["containers"]]
    container = invocation.text("container")
    default = pod["metadata"].get("annotations", {}).get("kubectl.kubernetes.io/default-container", "")
    if not container:
        container = default if default in names else names[0]
        if len(names) > 1 and container != default and not invocation.flag("quiet"):
            _tell(f'Defaulted container "{container}" out of: {", ".join(names)}')
    phase = pod.get("status", {}).get("phase", "")
    if phase in ("Succeeded", "Failed"):
        raise UsageError(f"cannot exec into a container in a completed pod; current phase is {phase}")
    return execute(
        agent.path,
        path,
        container,
        arguments[1:],
        has_input=invocation.flag("stdin"),
        wants_terminal=invocation.flag("tty"),
    )


def _tell(message: str) -> None:
    import sys

    sys.stderr.write(f"{message}\n")
