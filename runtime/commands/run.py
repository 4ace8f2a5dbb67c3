"""`firkin run`: make a container, of a bundle or of an image, and start it."""

from __future__ import annotations

import os

from firkin.errors import FirkinError, UsageError
from firkin.runtime.cli.commands import container_options
from firkin.runtime.cli.options import Command, Option
from firkin.runtime.create import create
from firkin.runtime.images.options import IMAGE_OPTIONS, names_image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]


def _check(invocation: Invocation) -> None:
    if invocation.given("stats") and invocation.flag("detach"):
        raise UsageError("run: option --stats contradicts --detach: nobody stays to see the end")
    if names_image(invocation.arguments, invocation.options):
        return
    for option in IMAGE_OPTIONS:
        if option.long in invocation.options:
            raise UsageError(f"run: option --{option.long} is for images, --bundle is for containers of a bundle")
    if len(invocation.arguments) > 1:
        problem = f"unexpected argument '{invocation.arguments[1]}'"
        raise UsageError(f"run: {problem}", hint="a bundle's config.json says what runs")


COMMAND = Command(
    "run",
    "make a container of a bundle or an image, start it, and wait for it to end",
    "CONTAINER|IMAGE [PROGRAM] [ARG...]",
    group="Life of a container",
    options=(
        *container_options(),
        Option("detach", "d", help="return as soon as the container runs; that of an image is named then"),
        Option("keep", help="do not delete the container when it has ended"),
        Option("stats", "", "FORM", "say what it used when it has ended, on standard error", choices=("text", "json")),
        *IMAGE_OPTIONS,
    ),
    description=(
        "Does what create, start and delete do, and passes the program's exit code on. CONTAINER is the id of a "
        "container of the bundle. IMAGE is [docker://][HOST[:PORT]/]PATH[:TAG][@DIGEST]; it is pulled if it is not "
        "here, and what its configuration says is run, or PROGRAM in its place. A word that could be an id is taken "
        "for one, unless a PROGRAM follows or an option that is for images is given. What follows IMAGE belongs to "
        "the program. In the background the container of an image writes to the file output in its bundle."
    ),
    examples=(
        ("firkin run -b /bundles/web web", "run the container web in the foreground"),
        ("firkin run --detach --bundle /bundles/web web", "run it in the background"),
        ("firkin run debian:12 cat /etc/os-release", "a program in an image, which is pulled if it is not here"),
        ("firkin run -it -v ./src:/src docker://registry.example/build sh", "a shell, with a directory of the host"),
        ("firkin run -d --name web --net host --memory 512m nginx:1", "a server in the background"),
        ("firkin run --stats text debian:12 make", "what it took, at the end"),
    ),
    exit_codes=(
        ("N", "what the program returned, or 128 + the number of the signal that ended it"),
        ("126", "the program is not executable"),
        ("127", "there is no such program"),
    ),
    passthrough=names_image,
    check=_check,
)


def run(invocation: Invocation) -> int:
    """Run the container; returns the program's exit code, or 0 with `--detach`."""
    if names_image(invocation.arguments, invocation.options):
        from firkin.runtime.images.container import run_image

        return run_image(invocation)
    if not invocation.given("bundle") and not invocation.given("config") and not os.path.exists("config.json"):
        hint = "firkin spec writes one; an image is docker://NAME, or has a tag"
        raise FirkinError(f"read {os.getcwd()}/config.json: No such file or directory", hint=hint)
    if invocation.flag("detach"):
        os.close(create(invocation, run=True).pidfd)
        return 0
    from firkin.runtime.foreground import Attendant, see_off

    attendant = Attendant()
    return see_off(invocation, attendant, create(invocation, run=True, foreground=True), invocation.container)
