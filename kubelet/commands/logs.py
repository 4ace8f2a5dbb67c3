"""`firkin logs`: what containers of pods have written."""

from __future__ import annotations

from firkin.errors import FirkinError, UsageError
from firkin.kubelet.client.options import NAMESPACE, SELECTOR, SOCKET, agent_of, pod_name, pods_path
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

_OF_MANY = "10"
_KINDS = ("initContainers", "containers", "ephemeralContainers")


def _check(invocation: Invocation) -> None:
    words, selector = invocation.arguments, invocation.text("selector")
    if bool(words) is bool(selector):
        raise UsageError("logs: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'")
    if len(words) > 1 and invocation.text("container"):
        raise UsageError("logs: only one of -c or an inline [CONTAINER] arg is allowed")
    if invocation.flag("all-containers") and (len(words) > 1 or invocation.text("container")):
        raise UsageError("logs: --all-containers=true should not be specified with container name")
    if invocation.given("since") and invocation.given("since-time"):
        raise UsageError("logs: at most one of `sinceTime` or `sinceSeconds` may be specified")
    tail = invocation.text("tail")
    if tail and not tail.lstrip("-").isdecimal():
        raise UsageError(f"logs: --tail {tail}: is no whole number")
    if invocation.given("since"):
        from firkin.kubelet.client.durations import seconds_of

        seconds_of(invocation.text("since"))


COMMAND = Command(
    "logs",
    "print the logs of a container of a pod",
    "[POD] [CONTAINER]",
    group="Pods",
    options=(
        NAMESPACE,
        Option("container", "c", "NAME", "the container, where the pod has several"),
        SELECTOR,
        Option("follow", "f", help="go on until the container ends"),
        Option("previous", "p", help="those of the container before, if there was one"),
        Option("all-containers", help="those of all containers"),
        Option("prefix", help="begin each line with the names of pod and container"),
        Option("tail", "", "LINES", "the last lines only; -1 is all (default: all, 10 with a selector)"),
        Option("since", "", "DURATION", "what is newer than a duration such as 5s, 2m or 3h"),
        Option("since-time", "", "TIME", "what is newer than a time of RFC 3339"),
        Option("timestamps", help="begin each line with its time"),
        Option("limit-bytes", "", "BYTES", "the most to print", kind="number"),
        Option("max-log-requests", "", "N", "the most logs to follow at once", default="5"),
        Option("ignore-errors", help="go on with the other logs if one can not be read"),
        SOCKET,
    ),
    description=(
        "POD is the name of a pod, or pod/NAME. A pod is named, or several are chosen by their labels with --selector."
    ),
    examples=(
        ("firkin logs web", "the log of a pod with one container"),
        ("firkin logs -f --tail=20 web -c proxy", "the last lines of one of several, and what follows"),
        ("firkin logs -l app=web --all-containers --prefix", "those of several pods"),
    ),
    check=_check,
)


def run(invocation: Invocation) -> int:
    """Print the logs; returns 0."""
    from firkin.kubelet.client.durations import seconds_of
    from firkin.kubelet.client.logs import Source, print_logs

    agent = agent_of(invocation)
    sources = []
    for pod in _pods(invocation):
        path = pods_path(invocation, pod["metadata"]["name"])
        sources += [Source(path, pod["metadata"]["name"], name) for name in _containers(invocation, pod)]
    if not sources:
        _tell(f"No resources found in {invocation.text('namespace')} namespace.")
        return 0
    query = [(name, "true") for name in ("follow", "previous", "timestamps") if invocation.flag(name)]
    tail = invocation.text("tail") or (_OF_MANY if invocation.text("selector") else "")
    if tail and not tail.startswith("-"):
        query.append(("tailLines", tail))
    if invocation.given("since"):
        query.append(("sinceSeconds", str(seconds_of(invocation.text("since")))))
    if invocation.given("since-time"):
        query.append(("sinceTime", invocation.text("since-time")))
    if invocation.number("limit-bytes"):
        query.append(("limitBytes", str(invocation.number("limit-bytes"))))
    print_logs(
        agent,
        sources,
        query,
        most=int(invocation.text("max-log-requests")) if invocation.flag("follow") else None,
        has_prefix=invocation.flag("prefix"),
        skip=invocation.log.warning if invocation.flag("ignore-errors") else None,
    )
    return 0


def _pods(invocation: Invocation) -> list[dict[str, Any]]:
    agent = agent_of(invocation)
    if selector := invocation.text("selector"):
        found: dict[str, Any] = agent.get(pods_path(invocation), [("labelSelector", selector)])
        return list(found["items"])
    return [agent.get(pods_path(invocation, pod_name(invocation.arguments[0])))]


def _containers(invocation: Invocation, pod: dict[str, Any]) -> list[str]:
    spec = pod["spec"]
    if invocation.flag("all-containers"):
        return [one["name"] for kind in _KINDS for one in spec.get(kind, ())]
    given = invocation.text("container") or (invocation.arguments[1] if len(invocation.arguments) > 1 else "")
    known = [one["name"] for kind in _KINDS for one in spec.get(kind, ())]
    if given and given not in known:
        raise FirkinError(
            f"container {given} is not valid for pod {pod['metadata']['name']} out of: {', '.join(known)}"
        )
    if given or len(spec["containers"]) == 1:
        return [given or spec["containers"][0]["name"]]
    names = [one["name"] for one in spec["containers"]]
    default = pod["metadata"].get("annotations", {}).get("kubectl.kubernetes.io/default-container", "")
    chosen = default if default in names else names[0]
    if chosen != default:
        listed = ", ".join([*names, *(f"{one['name']} (init)" for one in spec.get("initContainers", ()))])
        _tell(f'Defaulted container "{chosen}" out of: {listed}')
    return [chosen]


def _tell(message: str) -> None:
    import sys

    sys.stderr.write(f"{message}\n")
