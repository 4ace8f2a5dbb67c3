"""Making a container of options: its root file system, its configuration, its plan."""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from firkin.errors import ImageError, KernelError, NotFoundError, PolicyError, UsageError
from firkin.oci.bundle.configuration import runtime_config
from firkin.oci.bundle.inside import read_users
from firkin.oci.bundle.users import resolve_user
from firkin.oci.image.config import ImageConfig, RootFs
from firkin.oci.image.platform import host_platform
from firkin.oci.image.reference import parse_reference
from firkin.oci.json_text import dump
from firkin.oci.policy.policy import Policy
from firkin.oci.runtime_spec.config import load_config
from firkin.oci.snapshots.holding import Holding
from firkin.oci.snapshots.store import Snapshots
from firkin.oci.store.images import ImageStore, default_root
from firkin.oci.validate import validate
from firkin.runtime.compile.container import compile_container
from firkin.runtime.compile.request import Request
from firkin.runtime.create import rfc3339_now, run_or_raise
from firkin.runtime.host import read_host
from firkin.runtime.images.allowed import find_allowed
from firkin.runtime.images.assembly import Assembly
from firkin.runtime.images.mounts import as_mount
from firkin.runtime.library.options import Options, read_mounts, read_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from firkin.oci.runtime_spec import Config
    from firkin.oci.snapshots.overlay import Overlay
    from firkin.oci.store.images import Local
    from firkin.runtime.images.mounts import Wanted
    from firkin.runtime.spawn import Outcome

__all__ = ["make"]


class _Parts(NamedTuple):
    text: bytes
    config: Config
    bundle: str
    trees: Mapping[str, Overlay]
    holding: str


def make(
    id: str, arguments: Sequence[str], options: Options, streams: tuple[int, int, int], state_root: str
) -> tuple[Outcome, list[str]]:
    """Make a container and start its program; returns the outcome of its plan, and warnings.

    Parameters: `streams` are descriptors, -1 for the caller's. Raises FirkinError; then nothing of it is left.
    """
    build = _of_image if options.get("image") else _of_directory
    with build(id, arguments, options, state_root) as parts:
        request = Request(
            id=id,
            bundle=parts.bundle,
            state_root=state_root,
            config=parts.text,
            created=rfc3339_now(),
            owner=os.getuid(),
            run=True,
            trees=parts.trees,
            holding=parts.holding,
        )
        plan, warnings = compile_container(parts.config, request, read_host(state_root))
        return run_or_raise(plan, streams), warnings


@contextmanager
def _of_directory(id: str, arguments: Sequence[str], options: Options, _state_root: str) -> Iterator[_Parts]:
    root = os.path.abspath(options["rootfs"])
    try:
        tree = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise KernelError(f"open root file system {root}", error.errno or 0) from error
    try:
        passwd, group = read_users(tree)
    finally:
        os.close(tree)
    wishes = read_options(arguments, options, id)._replace(root=root, mounts=[*map(_mount, read_mounts(options))])
    nothing = ImageConfig(architecture=os.uname().machine, os="linux", rootfs=RootFs(type="layers"))
    found = runtime_config(nothing, resolve_user(options.get("user", ""), passwd, group), wishes, root)
    text = dump(found, 1).encode("utf-8", "surrogateescape")
    config = load_config(text)
    validate(config)
    yield _Parts(text, config, root, {}, "")


def _mount(wanted: Wanted) -> dict[str, object]:
    if wanted.type == "image":
        raise UsageError(f"option mounts: {wanted.source}: images are mounted in containers of images")
    return as_mount(wanted, wanted.source)


@contextmanager
def _of_image(id: str, arguments: Sequence[str], options: Options, state_root: str) -> Iterator[_Parts]:
    wishes, wanted = read_options(arguments, options, id), read_mounts(options)
    with _opened(options.get("store") or default_root()) as store:
        image = _find(store, options["image"])
        mounted = {one: _find(store, one.source) for one in wanted if one.type == "image"}
        with Holding(Snapshots(store), f"{state_root}/{id}/state.json", id) as holding:
            assembly = Assembly(holding, image, wishes)
            assembly.fill(options.get("user", ""), wanted, mounted)
            text, config = assembly.configuration()
            yield _Parts(text, config, holding.path, assembly.trees, holding.path)


@contextmanager
def _opened(path: str) -> Iterator[ImageStore]:
    try:
        store = ImageStore(os.path.abspath(path))
    except OSError as error:
        raise KernelError(f"open the images in {path}", error.errno or 0) from error
    with store:
        yield store


def _find(store: ImageStore, name: str) -> Local:
    reference, platform, policy = parse_reference(name), host_platform(), Policy()
    try:
        return find_allowed(store, reference, platform, policy)
    except PolicyError:
        raise
    except (NotFoundError, ImageError):
        from firkin.oci.pull import pull
        from firkin.oci.registry.client import open_registry

        async def fetch() -> Local:
            async with open_registry() as registry:
                return await pull(reference, store, registry, platform, policy=policy)

        return asyncio.run(fetch())
