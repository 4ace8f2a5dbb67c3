"""Who the container's process is: ids from the request, else from the image, groups by the policy that is asked for."""

from __future__ import annotations

from firkin.cri.api.security_pb2 import LinuxContainerSecurityContext, SupplementalGroupsPolicy
from firkin.cri.spec.inputs import Inputs, invalid
from firkin.errors import ImageError
from firkin.oci.bundle.users import Identity, resolve_user

__all__ = ["identity_of"]

_PLACE = "config.linux.security_context"
_GREATEST = (1 << 32) - 2


def identity_of(inputs: Inputs) -> Identity:
    """The ids. Raises ConfigError for what contradicts itself or is out of range, or who is not in the image."""
    context = inputs.container.linux.security_context
    _check(context)
    try:
        found = resolve_user(_user_text(context, inputs.image.user), inputs.passwd, inputs.group)
    except ImageError as error:
        raise invalid(f"{_PLACE}.run_as_user", str(error)) from error
    gid = context.run_as_group.value if context.HasField("run_as_group") else found.gid
    merged = found.additional_gids if context.supplemental_groups_policy == SupplementalGroupsPolicy.Merge else ()
    # The primary group too: a program that looks at its groups must find it, and dropping it must be visible.
    groups = dict.fromkeys((gid, *merged, *context.supplemental_groups))
    return Identity(found.uid, gid, tuple(groups), found.home)


def _user_text(context: LinuxContainerSecurityContext, image_user: str) -> str:
    if context.HasField("run_as_user"):
        return str(context.run_as_user.value)
    if context.run_as_username:
        return context.run_as_username
    # A group of the image's counts only for its own user.
    return image_user.partition(":")[0] if context.HasField("run_as_group") else image_user


def _check(context: LinuxContainerSecurityContext) -> None:
    if context.HasField("run_as_group") and not (context.HasField("run_as_user") or context.run_as_username):
        raise invalid(f"{_PLACE}.run_as_group", "needs run_as_user or run_as_username")
    numbers = [
        ("run_as_user", context.run_as_user.value),
        ("run_as_group", context.run_as_group.value),
        *(("supplemental_groups", group) for group in context.supplemental_groups),
    ]
    for name, number in numbers:
        # A number that wraps would be root.
        if not 0 <= number <= _GREATEST:
            raise invalid(f"{_PLACE}.{name}", f"{number} is not within 0 to {_GREATEST}")
