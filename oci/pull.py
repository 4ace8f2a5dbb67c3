"""Pulling an image: its documents, then its blobs, then its name. Layers may be unpacked while they come.

A crash before the name is set leaves blobs that the next try finds, or garbage collection removes.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from firkin.oci.image.config import decode_config
from firkin.oci.image.manifest import MOST_METADATA, Descriptor, Manifest, Platform, decode_manifest
from firkin.oci.image.platform import check_platform
from firkin.oci.image.reference import Reference
from firkin.oci.layers.arrival import Arrivals, Arriving
from firkin.oci.policy.policy import Policy
from firkin.oci.registry.client import Registry
from firkin.oci.registry.progress import Progress, silent
from firkin.oci.store.images import ImageStore, Local, layers_of
from firkin.oci.together import together

__all__ = ["Arriving", "Unpack", "pull"]

Unpack = Callable[[Arriving], Coroutine[None, None, None]]
"""What is done with the layers while they come. What it makes is complete when it returns, and seen by nobody before:
`firkin.oci.layers.unpack.unpack_arriving` returns when the bytes of a layer are what its digests say."""


async def pull(
    reference: Reference,
    store: ImageStore,
    registry: Registry,
    platform: Platform,
    progress: Progress = silent,
    *,
    policy: Policy | None = None,
    unpack: Unpack | None = None,
) -> Local:
    """Have the image for `platform` in the store under its name; that comes last, after `unpack` too.

    `policy` is that of this machine if it is not given. Raises RegistryError for what a registry refuses or gets
    wrong, PolicyError, ImageError and ConfigError for what the image is wrong in, KernelError.
    """
    name = str(reference)
    policy = policy or Policy()
    policy.check_name(reference)
    documents = await registry.image(reference, platform)
    await policy.check_async(reference, documents)
    with store.lease() as lease:
        descriptor, data = documents[-1]
        manifest = decode_manifest(data, name)
        for document, _ in documents:
            store.metadata.lease_item(lease, document.digest)
        _lease(store, lease, [manifest.config, *manifest.layers])
        await registry.fetch(reference, manifest.config, store.content, progress)
        config = decode_config(store.content.read(manifest.config.digest, MOST_METADATA), f"{name}: config")
        # Before anything large is fetched.
        found = Platform(os=config.os, architecture=config.architecture, variant=config.variant)
        check_platform(found, platform, name)
        layers = layers_of(manifest, config, name)
        with Arrivals(store.content, manifest.layers) as arrivals:
            work = [_fetch(registry, reference, manifest, arrivals, progress)]
            if unpack is not None:
                work.append(unpack(Arriving(name, config, layers, arrivals)))
            await together(work)
        for document, text in documents:
            store.content.put(text, document.digest.partition(":")[0])
        store.add(name, documents)
    return Local(name, descriptor.digest, manifest, config, layers)


async def _fetch(
    registry: Registry, reference: Reference, manifest: Manifest, arrivals: Arrivals, progress: Progress
) -> None:
    try:
        await registry.fetch_all(reference, manifest.layers, arrivals, progress=progress)
    except Exception as error:
        arrivals.fail(error)
        raise


def _lease(store: ImageStore, lease: str, blobs: list[Descriptor]) -> None:
    for blob in blobs:
        store.metadata.lease_item(lease, blob.digest)
