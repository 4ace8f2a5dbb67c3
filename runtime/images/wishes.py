"""What the options of `firkin run IMAGE` ask for."""

from __future__ import annotations

import os
import re

from firkin.cgroupfs.units import parse_size
from firkin.errors import UsageError
from firkin.oci.bundle.configuration import DEFAULT_CAPABILITIES, Wishes
from firkin.oci.default_seccomp import default_seccomp
from firkin.oci.encoding import encode
from firkin.runtime.compile.capabilities import NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from firkin.runtime.cli.commands import Invocation

__all__ = ["chosen_capabilities", "read_wishes", "usage_error"]

_PERIOD = 100_000  # microseconds, the kernel's usual one
_CPUS = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,3})?")
_USERS = re.compile(r"([0-9]{1,10})(?::([0-9]{1,10}))?")
_MOST_NAME = 64
_MOST_ID = (1 << 32) - 1


def usage_error(option: str, text: str, problem: str) -> UsageError:
    """An option's value is wrong."""
    return UsageError(f"run: option --{option}: {text!r} {problem}")


def read_wishes(invocation: Invocation, id: str) -> Wishes:
    """All wishes but those about mounts. Raises UsageError."""
    host_network = invocation.text("net") == "host"
    entrypoint = invocation.text("entrypoint")
    capabilities = chosen_capabilities(invocation.texts("cap-add"), invocation.texts("cap-drop"))
    confined = invocation.text("seccomp") == "default"
    return Wishes(
        args=invocation.arguments[1:],
        entrypoint=([entrypoint] if entrypoint else []) if invocation.given("entrypoint") else None,
        env=[_variable(text) for text in invocation.texts("env")],
        cwd=_working_directory(invocation.text("workdir")),
        hostname=_hostname(invocation.text("hostname"), id, host_network=host_network),
        terminal=invocation.flag("tty"),
        read_only=invocation.flag("read-only"),
        host_network=host_network,
        users=_users(invocation.text("userns")),
        resources=_resources(invocation),
        capabilities=capabilities,
        seccomp=encode(default_seccomp(capabilities, os.uname().machine)) if confined else None,
    )


def _variable(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not name:
        raise usage_error("env", text, "has no name")
    # As other engines have it: a name alone passes the caller's own value on.
    return text if equals else f"{name}={os.environ.get(name, '')}"


def _working_directory(path: str) -> str:
    if path and path[0] != "/":
        raise usage_error("workdir", path, "is not an absolute path")
    return path


def _hostname(name: str, id: str, *, host_network: bool) -> str:
    if not name:
        name = os.uname().nodename if host_network else id
        # An id may be longer than names of hosts.
        return name[:_MOST_NAME]
    if len(name) > _MOST_NAME:
        raise usage_error("hostname", name, f"is longer than {_MOST_NAME} characters")
    return name


def _users(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    match = _USERS.fullmatch(text)
    first, count = (int(match[1]), int(match[2] or 65536)) if match else (0, 0)
    if not count or first + count > _MOST_ID:
        raise usage_error("userns", text, "is not ID or ID:COUNT, such as 100000:65536")
    return first, count


def _resources(invocation: Invocation) -> Mapping[str, object]:
    found: dict[str, object] = {}
    if memory := invocation.text("memory"):
        try:
            found["memory"] = {"limit": parse_size(memory)}
        except ValueError as error:
            raise UsageError(f"run: option --memory: {error}") from None
    if cpus := invocation.text("cpus"):
        if not _CPUS.fullmatch(cpus) or float(cpus) == 0:
            raise usage_error("cpus", cpus, "is not a number of processors such as 2 or 0.5")
        found["cpu"] = {"quota": round(float(cpus) * _PERIOD), "period": _PERIOD}
    if invocation.given("pids-limit"):
        found["pids"] = {"limit": invocation.number("pids-limit")}
    return found


def chosen_capabilities(added: Sequence[str], dropped: Sequence[str]) -> Sequence[str]:
    """The usual capabilities with some added and some dropped, each a name with or without CAP_, or ALL.

    What is dropped by name is dropped, however it came; ALL comes first. Raises UsageError for what is none.
    """
    plus, minus = _capability_names("cap-add", added), _capability_names("cap-drop", dropped)
    found = set() if "ALL" in minus else set(DEFAULT_CAPABILITIES)
    found |= set(NAMES) if "ALL" in plus else plus
    return sorted((found - minus) & set(NAMES))


def _capability_names(option: str, words: Sequence[str]) -> set[str]:
    found = set()
    for word in words:
        name = word.upper()
        name = name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}"
        if name != "ALL" and name not in NAMES:
            raise usage_error(option, word, "is no capability")
        found.add(name)
    return found
