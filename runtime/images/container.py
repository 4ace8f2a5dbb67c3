"""A container of an image: pulled and unpacked if need be, given a configuration, and run."""

from __future__ import annotations

import _signal
import os

from firkin.errors import AlreadyExistsError, ImageError, NotFoundError, PolicyError, UsageError
from firkin.oci.image.manifest import Platform
from firkin.oci.image.platform import check_platform
from firkin.oci.image.reference import parse_reference
from firkin.oci.snapshots.holding import Holding
from firkin.oci.snapshots.store import Snapshots
from firkin.runtime.create import create_container, request_of
from firkin.runtime.images.allowed import find_allowed
from firkin.runtime.images.assembly import Assembly
from firkin.runtime.images.common import open_store, platform_of, policy_of
from firkin.runtime.images.mounts import read_mounts
from firkin.runtime.images.streams import detached_streams
from firkin.runtime.images.wishes import read_wishes
from firkin.runtime.store import check_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.store.images import ImageStore, Local
    from firkin.runtime.cli.commands import Invocation
    from firkin.runtime.spawn import Outcome

__all__ = ["run_image"]


def run_image(invocation: Invocation) -> int:
    """Run what the command line of `run` describes; returns the exit code of its program, or 0 with `--detach`.

    Raises FirkinError if anything fails; then nothing of the container is left.
    """
    id = _new_id(invocation)
    wishes, wanted = read_wishes(invocation, id), read_mounts(invocation)
    with open_store(invocation) as store:
        image = _find(invocation, store, invocation.arguments[0])
        mounted = {one: _find(invocation, store, one.source) for one in wanted if one.type == "image"}
        with Holding(Snapshots(store), f"{invocation.root}/{id}/state.json", id) as holding:
            assembly = Assembly(holding, image, wishes)
            assembly.fill(invocation.text("user"), wanted, mounted)
            if invocation.flag("detach"):
                return _detach(invocation, assembly, id)
            from firkin.runtime.foreground import Attendant, see_off

            # From here on signals are the container's.
            attendant = Attendant()
            outcome = _create(invocation, assembly, id, foreground=True)
    return see_off(invocation, attendant, outcome, id)


def _new_id(invocation: Invocation) -> str:
    if invocation.flag("detach") and invocation.flag("rm"):
        raise UsageError("run: option --rm contradicts --detach: nobody stays to delete it", hint="firkin delete does")
    if invocation.flag("detach") and invocation.flag("interactive"):
        raise UsageError("run: option --interactive contradicts --detach: nobody stays to pass standard input on")
    if invocation.flag("keep") and invocation.flag("rm"):
        raise UsageError("run: option --rm contradicts --keep")
    id = invocation.text("name") or os.urandom(6).hex()
    check_id(id)
    # The plan refuses it, too, when all the work is done.
    if os.path.lexists(f"{invocation.root}/{id}"):
        raise AlreadyExistsError(f"container with id {id} already exists")
    return id


def _find(invocation: Invocation, store: ImageStore, name: str) -> Local:
    reference, platform, policy = parse_reference(name), platform_of(invocation), policy_of(invocation)
    pull = invocation.text("pull")
    if pull != "always":
        try:
            image = find_allowed(store, reference, platform, policy)
            if invocation.given("platform"):
                # The name may stand for the image of another one.
                config = image.config
                found = Platform(os=config.os, architecture=config.architecture, variant=config.variant)
                check_platform(found, platform, image.name)
            return image
        except PolicyError:
            raise
        except (NotFoundError, ImageError):
            if pull == "never":
                raise
    from firkin.runtime.images.fetch import fetch

    return fetch(store, reference, platform, policy)


def _detach(invocation: Invocation, assembly: Assembly, id: str) -> int:
    # An interruption must not take the files away from a container that runs already.
    for number in (_signal.SIGINT, _signal.SIGTERM):
        _signal.signal(number, _signal.SIG_IGN)
    with detached_streams(f"{assembly.holding.path}/output"):
        outcome = _create(invocation, assembly, id, foreground=False)
    os.close(outcome.pidfd)
    print(id)
    return 0


def _create(invocation: Invocation, assembly: Assembly, id: str, *, foreground: bool) -> Outcome:
    text, config = assembly.configuration()
    path = assembly.holding.path
    request = request_of(
        invocation, id, path, text, run=True, foreground=foreground, trees=assembly.trees, holding=path
    )
    return create_container(invocation, config, request)
