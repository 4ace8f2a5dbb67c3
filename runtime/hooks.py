"""Hooks that run outside of a plan: poststart after `start`, poststop after `delete`, those of a restore."""

from __future__ import annotations

import errno
import os

from firkin.errors import HookError
from firkin.oci.json_text import dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.runtime_spec import Config, Hook
    from firkin.runtime.store import Container

__all__ = ["run_hooks"]

_FIELDS = {"createRuntime": "create_runtime"}


def run_hooks(container: Container, config: Config, point: str, status: str, pid: int) -> list[HookError]:
    """Run the hooks of one point in their order: prestart, createRuntime, poststart or poststop.

    Parameters: `status` and `pid` (0: none) are what they are told of the container.
    Returns the failures: poststop hooks all run, of others none runs any more after the first that fails.
    """
    hooks: tuple[Hook, ...] = getattr(config.hooks, _FIELDS.get(point, point)) if config.hooks else ()
    if not hooks:
        return []
    fields: dict[str, object] = {"ociVersion": config.oci_version, "id": container.id, "status": status}
    if pid:
        fields["pid"] = pid
    fields |= {"bundle": container.text("bundle"), "annotations": dict(config.annotations)}
    state = dump(fields).encode()
    failures = []
    for index, hook in enumerate(hooks):
        failure = _run(hook, f"hooks.{point}[{index}]", state, pid)
        if failure:
            failures.append(failure)
            if point != "poststop":
                break
    return failures


def _run(hook: Hook, place: str, state: bytes, pid: int) -> HookError | None:
    from firkin.runtime.spawn import run_hook

    environment = hook.env if "env" in vars(hook) else [f"{name}={value}" for name, value in os.environ.items()]
    timeout = -1 if hook.timeout is None else hook.timeout * 1000
    output = os.memfd_create("firkin-hook-output")
    try:
        error, detail = run_hook(
            hook.path, hook.args or (hook.path,), environment, timeout_ms=timeout, state=state, pid=pid, output=output
        )
        said = os.pread(output, 2000, 0).decode("utf-8", "replace").strip()
    finally:
        os.close(output)
    if not error:
        return None
    if error == errno.ETIMEDOUT:
        return HookError(f"{place}: {hook.path}: did not end within {timeout} ms")
    return HookError(f"{place}: {hook.path}: {detail or os.strerror(error)}{f': {said}' if said else ''}")
