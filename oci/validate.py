"""The rules of the runtime specification that connect fields and need no look at the host.

Types and ranges are checked when a document is decoded; here is what a type can not say. What only the host can
answer (whether a path exists, which controllers there are) is the runtime's to ask. A rule is a small function that
raises at the first value that breaks it; rules for parts that most documents lack are imported with those parts.
Source: config.md and config-linux.md of version 1.3.0; kernel limits name their own source.
"""

from __future__ import annotations

from firkin.errors import ConfigError, UnsupportedError
from firkin.oci.checks import absolute, id_mappings, no_nul, no_nuls
from firkin.oci.json_text import dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import TypeVar

    from firkin.oci.runtime_spec.config import Config, Hook, Mount
    from firkin.oci.runtime_spec.process import Process
    from firkin.oci.runtime_spec.resources import Resources

    _R = TypeVar("_R", Config, Process, Resources)

__all__ = ["validate", "validate_process", "validate_resources", "validate_sandbox"]

_HOOKS = (
    ("prestart", "prestart"),
    ("create_runtime", "createRuntime"),
    ("create_container", "createContainer"),
    ("start_container", "startContainer"),
    ("poststart", "poststart"),
    ("poststop", "poststop"),
)
# __NEW_UTS_LEN of include/uapi/linux/utsname.h
_LONGEST_NAME = 64


def validate(config: Config, *, document: str = "config.json") -> None:
    """Check a whole configuration. Raises ConfigError with the path of the first value that breaks a rule."""
    _in_document(_check_config, config, "", document)


def validate_sandbox(config: Config, *, document: str = "config.json") -> None:
    """Check what namespaces shared by several containers have: names and `linux`. Raises ConfigError as `validate`."""
    _in_document(_check_shared, config, "", document)


def validate_process(process: Process, path: str = "", *, document: str = "process.json") -> None:
    """Check the process of an exec; `path` is its place in the document, "" for the root. Raises ConfigError."""
    from firkin.oci.validate_process import check_process

    _in_document(check_process, process, path and f"{path}.", document)


def validate_resources(resources: Resources, path: str = "", *, document: str = "resources.json") -> None:
    """Check the resources of an update; `path` is their place in the document, "" for the root. Raises ConfigError."""
    from firkin.oci.validate_resources import check_resources

    _in_document(check_resources, resources, path and f"{path}.", document)


def _in_document(check: Callable[[_R, str], object], record: _R, prefix: str, document: str) -> None:
    try:
        check(record, prefix)
    except ConfigError as error:
        raise type(error)(error.path, error.reason, document=document, hint=error.hint) from None


def _check_config(config: Config, _prefix: str) -> None:
    _check_version(config.oci_version)
    _check_root(config)
    if config.process:
        from firkin.oci.validate_process import check_process

        check_process(config.process, "process.")
    namespaces = _check_shared(config, "")
    for index, mount in enumerate(config.mounts):
        _check_mount(mount, f"mounts[{index}]", namespaces)
    if config.hooks:
        for name, key in _HOOKS:
            for index, hook in enumerate(getattr(config.hooks, name)):
                _check_hook(hook, f"hooks.{key}[{index}]")


def _check_shared(config: Config, _prefix: str) -> Collection[str]:
    # Returns the types of the namespaces.
    linux = config.linux
    namespaces = {namespace.type for namespace in linux.namespaces} if linux else set()
    if linux:
        from firkin.oci.validate_linux import check_linux

        check_linux(linux, namespaces)
    _check_name(config.hostname, "hostname", namespaces)
    _check_name(config.domainname, "domainname", namespaces)
    return namespaces


def _check_version(version: str) -> None:
    release, _, build = version.partition("+")
    core, _, prerelease = release.partition("-")
    numbers = core.split(".")
    if not (
        len(numbers) == 3
        and all(part.isascii() and part.isdigit() and (part == "0" or part[0] != "0") for part in numbers)
        and ("+" not in version or _are_identifiers(build))
        and ("-" not in release or _are_identifiers(prerelease))
    ):
        raise ConfigError("ociVersion", f"must be a semantic version such as 1.3.0, got {dump(version)}")
    if numbers[0] != "1":
        raise UnsupportedError("ociVersion", f"version {version} of the specification", hint="firkin reads 1.x")


def _are_identifiers(text: str) -> bool:
    return all(part.isascii() and part.replace("-", "0").isalnum() for part in text.split("."))


def _check_root(config: Config) -> None:
    if config.root is None:
        raise ConfigError("root", "required field is missing")
    if not config.root.path:
        raise ConfigError("root.path", "must not be empty")
    no_nul(config.root.path, "root.path")


def _check_mount(mount: Mount, path: str, namespaces: Collection[str]) -> None:
    if not mount.destination:
        raise ConfigError(f"{path}.destination", "must not be empty")
    no_nul(mount.destination, f"{path}.destination")
    no_nul(mount.type, f"{path}.type")
    no_nul(mount.source, f"{path}.source")
    no_nuls(mount.options, f"{path}.options")
    if mount.uid_mappings or mount.gid_mappings:
        _check_mount_mappings(mount, path)
    elif "user" not in namespaces and ("idmap" in mount.options or "ridmap" in mount.options):
        reason = "an id-mapped mount needs mappings of its own or a user namespace"
        raise ConfigError(f"{path}.options", reason, hint="set uidMappings and gidMappings on the mount")


def _check_mount_mappings(mount: Mount, path: str) -> None:
    if not mount.uid_mappings:
        raise ConfigError(f"{path}.uidMappings", "must be given together with gidMappings")
    if not mount.gid_mappings:
        raise ConfigError(f"{path}.gidMappings", "must be given together with uidMappings")
    id_mappings(mount.uid_mappings, f"{path}.uidMappings")
    id_mappings(mount.gid_mappings, f"{path}.gidMappings")


def _check_name(name: str, path: str, namespaces: Collection[str]) -> None:
    if not name:
        return
    no_nul(name, path)
    if len(name.encode()) > _LONGEST_NAME:
        raise ConfigError(path, f"longer than {_LONGEST_NAME} bytes")
    if "uts" not in namespaces:
        hint = 'add {"type": "uts"} to linux.namespaces'
        raise ConfigError(path, "would be the host's: the container has no uts namespace", hint=hint)


def _check_hook(hook: Hook, path: str) -> None:
    absolute(hook.path, f"{path}.path")
    no_nuls(hook.args, f"{path}.args")
    no_nuls(hook.env, f"{path}.env")
    if hook.timeout is not None and hook.timeout <= 0:
        raise ConfigError(f"{path}.timeout", f"must be more than 0 seconds, got {hook.timeout}")
