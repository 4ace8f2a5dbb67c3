"""`firkin export`: write an image to a file or a directory."""

from __future__ import annotations

from firkin.runtime.cli.options import Command, Option
from firkin.runtime.images.common import EVERY, GROUP, PLATFORM, STORE, open_store, platform_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

_FORMATS = ("oci-archive", "oci", "docker-archive")

COMMAND = Command(
    "export",
    "write an image that is here to a file or a directory",
    "IMAGE PATH",
    group=GROUP,
    options=(
        STORE,
        PLATFORM,
        EVERY,
        Option("format", "", "FORMAT", "what to write", default=_FORMATS[0], choices=_FORMATS),
    ),
    description=(
        "PATH is made, and must not exist; - is standard output. The same image gives the same bytes. oci is a "
        "directory, an OCI image layout, and oci-archive the same as an archive; docker-archive is for docker load."
    ),
    examples=(
        ("firkin export debian:12 debian.tar", "an OCI image layout"),
        ("firkin export --format docker-archive debian:12 debian.docker.tar", "... and one for docker load"),
    ),
)


def run(invocation: Invocation) -> int:
    """Write the image; returns 0."""
    from firkin.errors import UsageError
    from firkin.oci.archive.save import save_for_docker, save_layout
    from firkin.oci.image.reference import parse_reference
    from firkin.runtime.images.archives import written
    from firkin.runtime.images.progress import Meter

    text, path = invocation.arguments
    kind = invocation.text("format")
    reference, platform = parse_reference(text), platform_of(invocation)
    every = invocation.flag("all-platforms")
    if every and kind == "docker-archive":
        raise UsageError("export: a docker-archive holds one image, not --all-platforms of it")
    with open_store(invocation) as store, Meter() as meter:
        # Whatever is missing is told before PATH is made.
        store.closure(reference) if every else store.documents(reference, platform)
        with written(path, is_directory=kind == "oci") as sink:
            if kind == "docker-archive":
                save_for_docker(store, reference, platform, sink, meter.blob)
            else:
                save_layout(store, reference, None if every else platform, sink, meter.blob)
    return 0
