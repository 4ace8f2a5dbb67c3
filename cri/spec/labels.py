"""Security modules: the AppArmor profile of a container, and its SELinux labels."""

from __future__ import annotations

from firkin.cri.api.security_pb2 import LinuxContainerSecurityContext, SecurityProfile
from firkin.cri.spec.inputs import Inputs, invalid

__all__ = ["LOCALHOST", "apparmor_of", "localhost_profile", "selinux_of"]

LOCALHOST = "localhost/"
"""What the deprecated fields for profiles begin with where they name one of the host's."""

_PLACE = "config.linux.security_context"
_PARTS = ("user", "role", "type", "level")


def localhost_profile(context: LinuxContainerSecurityContext) -> str:
    """The AppArmor profile that a request names, "" if it names none of the host's."""
    if context.HasField("apparmor"):
        is_named = context.apparmor.profile_type == SecurityProfile.Localhost
        return context.apparmor.localhost_ref.removeprefix(LOCALHOST) if is_named else ""
    text = context.apparmor_profile
    return text.removeprefix(LOCALHOST) if text.startswith(LOCALHOST) else ""


def apparmor_of(inputs: Inputs) -> str:
    """The profile, "" for none. Raises ConfigError for one that is not there.

    Without a word a container that is not privileged has the default one, where there is one. Where the kernel has no
    AppArmor only profiles that are named are refused: the default one is for all pods, whatever their node.
    """
    context, host, place = inputs.container.linux.security_context, inputs.host, f"{_PLACE}.apparmor"
    name = localhost_profile(context)
    if name:
        return _named(inputs, name, place)
    if not host.apparmor:
        return ""
    is_wanted = _wants_default(inputs, place)
    if context.privileged or is_wanted is False:
        return ""
    if is_wanted and not host.apparmor_default:
        raise invalid(place, "is RuntimeDefault, whose profile could not be loaded", hint="install apparmor_parser")
    return host.apparmor_default


def _named(inputs: Inputs, name: str, place: str) -> str:
    if not inputs.host.apparmor:
        raise invalid(place, f"names the profile {name!r}, and AppArmor is not enabled on this host")
    loaded = inputs.apparmor_profiles
    if loaded is not None and name not in loaded:
        raise invalid(place, f"names the profile {name!r}, which is not loaded on this host")
    return name


def _wants_default(inputs: Inputs, place: str) -> bool | None:
    # None: nothing is said.
    context = inputs.container.linux.security_context
    if context.HasField("apparmor"):
        if context.apparmor.profile_type == SecurityProfile.Localhost:
            raise invalid(f"{place}.localhost_ref", "is empty")
        return context.apparmor.profile_type == SecurityProfile.RuntimeDefault
    text = context.apparmor_profile
    if text not in ("", "runtime/default", "unconfined"):
        raise invalid(f"{_PLACE}.apparmor_profile", f"{text!r} is not a profile")
    return None if not text else text == "runtime/default"


def selinux_of(inputs: Inputs) -> tuple[str, str]:
    """The label of the process and that of what is mounted for it; "" without SELinux, or if none is asked for.

    What is not said is as the host's policy has it for containers. Without SELinux the options say nothing, as the
    labels of files say nothing there.
    """
    context, host = inputs.container.linux.security_context, inputs.host
    asked = [getattr(context.selinux_options, part) for part in _PARTS]
    if not any(asked) or not host.selinux_process or context.privileged:
        return "", ""
    if any(":" in part for part in asked[:3]):
        raise invalid(f"{_PLACE}.selinux_options", "has a colon in user, role or type")
    process = _label(asked, host.selinux_process)
    return process, _label(["", "", "", asked[3]], host.selinux_file)


def _label(asked: list[str], default: str) -> str:
    # The level is all that comes after the third colon.
    usual = [*default.split(":", 3), "", "", ""][:4]
    return ":".join(part or other for part, other in zip(asked, usual, strict=True)).rstrip(":")
