"""What runs: arguments, environment, directory, and the rights that it has."""

from __future__ import annotations

from collections.abc import Iterable

from firkin.cri.spec.identity import identity_of
from firkin.cri.spec.inputs import Inputs, invalid
from firkin.oci.runtime_spec import Capabilities, Process, User

__all__ = ["DEFAULT_CAPABILITIES", "process_of"]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_CAPABILITIES = (
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)
"""What a container has if it asks for nothing: what programs of images expect to have."""

_CAPABILITIES_PLACE = "config.linux.security_context.capabilities"


def process_of(inputs: Inputs) -> Process:
    """The process. Raises ConfigError."""
    config, context = inputs.container, inputs.container.linux.security_context
    identity = identity_of(inputs)
    return Process(
        terminal=config.tty,
        user=User(uid=identity.uid, gid=identity.gid, additional_gids=identity.additional_gids),
        args=_arguments(inputs),
        env=_environment(inputs, identity.home),
        cwd=config.working_dir or inputs.image.working_dir or "/",
        capabilities=_capabilities(inputs),
        no_new_privileges=context.no_new_privs,
        oom_score_adj=max(config.linux.resources.oom_score_adj, inputs.host.lowest_oom_score_adj),
    )


def _arguments(inputs: Inputs) -> tuple[str, ...]:
    config, image = inputs.container, inputs.image
    command, args = tuple(config.command), tuple(config.args)
    if not command:
        # The image's arguments are for its own entrypoint, and go as soon as others are given.
        command, args = image.entrypoint, args or image.cmd
    if not (*command, *args):
        raise invalid("config.command", "is empty, and the image has neither entrypoint nor command")
    return (*command, *args)


def _environment(inputs: Inputs, home: str) -> tuple[str, ...]:
    found = {"PATH": _PATH, "HOME": home or "/"}
    if inputs.container.tty:
        found["TERM"] = "xterm"
    if inputs.pod.hostname:
        found["HOSTNAME"] = inputs.pod.hostname
    for text in inputs.image.env:
        key, _, value = text.partition("=")
        found[key] = value
    for index, pair in enumerate(inputs.container.envs):
        if not pair.key or "=" in pair.key or "\0" in pair.key:
            raise invalid(f"config.envs[{index}].key", f"{pair.key!r} is not the name of a variable")
        # Any bytes may be a value; those that are no UTF-8 go through the configuration as the kernel's file names do.
        found[pair.key] = pair.value.decode("utf-8", "surrogateescape")
    return tuple(f"{key}={value}" for key, value in found.items())


def _capabilities(inputs: Inputs) -> Capabilities:
    context, known = inputs.container.linux.security_context, inputs.host.capabilities
    if context.privileged:
        return Capabilities(bounding=known, effective=known, permitted=known)
    asked = context.capabilities
    add = _names(asked.add_capabilities, "add_capabilities", known)
    drop = _names(asked.drop_capabilities, "drop_capabilities", known)
    ambient = _names(asked.add_ambient_capabilities, "add_ambient_capabilities", known)
    # "Everything but" and "nothing but": a name counts more than ALL.
    base = set(known) if _is_all(asked.add_capabilities) else set(DEFAULT_CAPABILITIES) & set(known)
    if _is_all(asked.drop_capabilities):
        base = set()
    granted = (base | add) - drop
    plain = tuple(name for name in known if name in granted | ambient)
    raised = tuple(name for name in known if name in ambient)
    return Capabilities(bounding=plain, effective=plain, permitted=plain, inheritable=raised, ambient=raised)


def _is_all(names: Iterable[str]) -> bool:
    return any(name.upper() == "ALL" for name in names)


def _names(given: Iterable[str], field: str, known: tuple[str, ...]) -> set[str]:
    found = set()
    for name in given:
        upper = name.upper()
        full = upper if upper.startswith("CAP_") else f"CAP_{upper}"
        if upper == "ALL":
            continue
        if full not in known:
            raise invalid(f"{_CAPABILITIES_PLACE}.{field}", f"{name!r} is no capability that can be had here")
        found.add(full)
    return found
