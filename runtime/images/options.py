"""The options of `firkin run` that only images have, and how an image is told from a container's id.

On the start path: only names and texts.
"""

from __future__ import annotations

from firkin.runtime.cli.options import Option
from firkin.runtime.images.common import PLATFORM, POLICY, STORE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.options import Value

__all__ = ["IMAGE_OPTIONS", "names_image"]

IMAGE_OPTIONS = (
    Option("name", "", "NAME", "image: id of the container (default: one is made up)"),
    Option("rm", help="image: delete the container when it has ended, which is the default in the foreground"),
    Option("pull", "", "WHEN", "image: fetch it", default="missing", choices=("missing", "always", "never")),
    Option("tty", "t", help="image: give the program a terminal"),
    Option("interactive", "i", help="image: pass standard input on, which is the default in the foreground"),
    Option("env", "e", "NAME=VALUE", "image: set a variable of the environment; may be repeated", repeat=True),
    Option("user", "u", "USER[:GROUP]", "image: who to run as, by name or number"),
    Option("workdir", "w", "PATH", "image: working directory in the container"),
    Option("entrypoint", "", "PROGRAM", "image: run this with the arguments; if it is empty, they are the program"),
    Option("hostname", "", "NAME", "image: name of the host in the container (default: the container's id)"),
    Option("volume", "v", "DIR:PATH[:ro]", "image: bind a directory or file of the host; may be repeated", repeat=True),
    Option(
        "mount",
        "",
        "KEY=VALUE,...",
        "image: mount; type=bind, tmpfs or image with source, target, readonly, subpath; may be repeated",
        repeat=True,
    ),
    Option("read-only", help="image: let nothing be written to the root file system"),
    Option("net", "", "NETWORK", "image: network of the container", default="none", choices=("none", "host")),
    Option("userns", "", "ID[:COUNT]", "image: a user namespace whose ids from 0 on are those from ID on of the host"),
    Option("memory", "m", "SIZE", "image: most memory, such as 512m"),
    Option("cpus", "", "N", "image: most processor time, in processors, such as 1.5"),
    Option("pids-limit", "", "N", "image: most processes and threads", kind="number"),
    Option("cap-add", "", "CAPABILITY", "image: one more capability, or ALL; may be repeated", repeat=True),
    Option("cap-drop", "", "CAPABILITY", "image: one capability less, or ALL; may be repeated", repeat=True),
    Option("seccomp", "", "FILTER", "image: system calls", default="default", choices=("default", "unconfined")),
    STORE,
    PLATFORM,
    POLICY,
)
"""All options that a bundle says by its configuration."""

_IN_IMAGES_ONLY = frozenset("/:@")


def names_image(arguments: list[str], options: dict[str, Value]) -> bool:
    """Whether the first of the arguments of `run` names an image, and the others are a program.

    Without `--bundle` it does where it can not be an id, as `debian:12` and `docker://debian` can not; where a program
    follows, which no runtime has for a container; and with any option that only images have.
    """
    if "bundle" in options or "config" in options or not arguments:
        return False
    return (
        not _IN_IMAGES_ONLY.isdisjoint(arguments[0])
        or any(option.long in options for option in IMAGE_OPTIONS)
        or (len(arguments) > 1 and arguments[1][:1] != "-")
    )
