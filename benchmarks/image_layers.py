"""A program that unpacks an image as snapshots want it: each layer in a directory of its own, side by side.

    python -m benchmarks.image_layers STORE IMAGE DIRECTORY

What is not in the store is pulled, and unpacked while it comes.
"""

from __future__ import annotations

import asyncio
import os
import sys

from firkin.errors import NotFoundError
from firkin.oci.image.platform import host_platform
from firkin.oci.image.reference import Reference, parse_reference
from firkin.oci.layers.arrival import Arrivals, Arriving
from firkin.oci.layers.program import Job, Unpacked
from firkin.oci.layers.unpack import unpack_arriving
from firkin.oci.store.images import ImageStore, Local
from firkin.oci.together import together


async def unpack_one(image: Arriving, number: int, place: str) -> Unpacked:
    """Unpack a layer; what was written is seen under its name when it is whole."""
    layer, path = image.layers[number], f"{place}/{number}"
    os.mkdir(f"{path}.new", 0o755)
    fd = os.open(f"{path}.new", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        job = Job(layer.compression, layer.diff_id, fd, "overlay", f"{image.name}: layer {number + 1}")
        found = await unpack_arriving(image.arrivals[layer.blob.digest], job)
    finally:
        os.close(fd)
    os.rename(f"{path}.new", path)
    return found


async def unpack_all(image: Arriving, place: str) -> None:
    """Unpack all layers, as many at once as there are processors."""
    os.mkdir(place)
    parts = (unpack_one(image, number, place) for number in range(len(image.layers)))
    await together(parts, most=os.cpu_count() or 1)


async def unpack_local(store: ImageStore, image: Local, place: str) -> None:
    """Unpack an image that is in the store."""
    with Arrivals(store.content, image.manifest.layers) as arrivals:
        await unpack_all(Arriving(image.name, image.config, image.layers, arrivals), place)


async def pull_and_unpack(store: ImageStore, reference: Reference, place: str) -> None:
    """Unpack an image while it is pulled."""
    from firkin.oci.pull import pull
    from firkin.oci.registry.client import open_registry

    async with open_registry() as registry:
        await pull(reference, store, registry, host_platform(), unpack=lambda image: unpack_all(image, place))


def main(root: str, name: str, place: str) -> None:
    """Unpack the image."""
    reference = parse_reference(name)
    with ImageStore(root) as store:
        try:
            image = store.find(reference)
        except NotFoundError:
            asyncio.run(pull_and_unpack(store, reference, place))
        else:
            asyncio.run(unpack_local(store, image, place))


if __name__ == "__main__":
    main(*sys.argv[1:])
