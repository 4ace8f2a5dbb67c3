"""`firkin tags`: show the tags of a repository."""

from __future__ import annotations

from firkin.runtime.cli.options import Command
from firkin.runtime.images.common import GROUP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.registry.client import Registry
    from firkin.runtime.cli.commands import Invocation
    from firkin.runtime.images.progress import Meter

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "tags",
    "show the tags that a repository of a registry has",
    "REPOSITORY",
    group=GROUP,
    description="REPOSITORY is [HOST[:PORT]/]PATH. The tags come one on a line, in the order of the registry.",
    examples=(("firkin tags registry.example/team/app", "all of them"),),
)


def run(invocation: Invocation) -> int:
    """Print the tags; returns 0."""
    from firkin.oci.image.reference import parse_repository
    from firkin.runtime.images.online import online

    reference = parse_repository(invocation.arguments[0])

    async def show(registry: Registry, meter: Meter) -> None:
        async for tag in registry.tags(reference):
            print(tag)

    online(show)
    return 0
