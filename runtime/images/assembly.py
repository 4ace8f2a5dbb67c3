"""Putting together what a container of an image needs: its root file system, its mounts, its configuration."""

from __future__ import annotations

import os

from firkin.errors import KernelError
from firkin.oci.bundle.configuration import runtime_config
from firkin.oci.bundle.inside import read_users
from firkin.oci.bundle.users import Identity, resolve_user
from firkin.oci.image.config import ProcessConfig
from firkin.oci.json_text import dump
from firkin.oci.runtime_spec.config import load_config
from firkin.oci.snapshots.trees import Ids
from firkin.oci.validate import validate
from firkin.runtime.images.identity import write_files
from firkin.runtime.images.mounts import as_mount
from firkin.runtime.images.progress import Meter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from firkin.oci.bundle.configuration import Wishes
    from firkin.oci.runtime_spec import Config
    from firkin.oci.snapshots.holding import Holding
    from firkin.oci.snapshots.overlay import Overlay
    from firkin.oci.snapshots.store import Stack
    from firkin.oci.store.images import Local
    from firkin.runtime.images.mounts import Wanted

__all__ = ["Assembly"]


class Assembly:
    """A container of `image` in the making, whose files are in `holding`; `trees` are overlays by the path they are at.

    Its methods raise ImageError, KernelError, ConfigError; who made the holding removes it then.
    """

    def __init__(self, holding: Holding, image: Local, wishes: Wishes) -> None:
        self.holding = holding
        self.image = image
        self.trees: dict[str, Overlay] = {}
        self._wishes = wishes
        self._ids = Ids(*[[(0, *wishes.users)]] * 2) if wishes.users else None
        self._identity = Identity(0, 0)

    def fill(self, user: str, wanted: Sequence[Wanted], images: Mapping[Wanted, Local]) -> None:
        """Make the root file system and everything that is mounted over it.

        Parameters: `user` is who to run as, "" for the image's own; `images` are those that mounts of `wanted` name.
        """
        stack = self._take(self.image)
        root = self.holding.make_root(stack, self._ids)
        if root.overlay:
            self.trees[root.path] = root.overlay
        tree = stack.open()
        try:
            passwd, group = read_users(tree)
            self._identity = resolve_user(user or self._run.user, passwd, group)
            places = {os.path.normpath(one.target) for one in wanted}
            volumes = list(self._volumes(tree, places))
        finally:
            os.close(tree)
        network = self._wishes.host_network
        files = write_files(self.holding.path, self._wishes.hostname, self._ids, host_network=network)
        mounts = [mount for mount in files if mount["destination"] not in places]
        mounts += [*volumes, *(self._mount(one, images.get(one), number) for number, one in enumerate(wanted))]
        self._wishes = self._wishes._replace(root=root.path, mounts=mounts)

    @property
    def _run(self) -> ProcessConfig:
        return self.image.config.config or ProcessConfig()

    def _take(self, image: Local) -> Stack:
        with Meter() as meter:
            return self.holding.take(image, progress=meter.layers)

    def _volumes(self, tree: int, places: set[str]) -> Iterator[dict[str, object]]:
        # What the image has there is what the volume begins with.
        for path in sorted(self._run.volumes):
            target = os.path.normpath(f"/{path}")
            if target not in places and target != "/":
                source = self.holding.make_volume(tree, target, self._ids)
                yield {"destination": target, "type": "bind", "source": source, "options": ["rbind"]}

    def _mount(self, wanted: Wanted, image: Local | None, number: int) -> dict[str, object]:
        if image is None:
            return as_mount(wanted, wanted.source)
        source = f"{self.holding.path}/images/{number}"
        self.trees[source] = self._take(image).overlay(wanted.path)
        return as_mount(wanted, source, "nosuid", "nodev")

    def configuration(self) -> tuple[bytes, Config]:
        """The container's configuration, as text and decoded; it is written to the holding as well."""
        found = runtime_config(self.image.config, self._identity, self._wishes, self.image.name)
        text = dump(found, 1).encode("utf-8", "surrogateescape")
        path = f"{self.holding.path}/config.json"
        try:
            with open(path, "xb") as file:
                file.write(text)
        except OSError as error:
            raise KernelError(f"write {path}", error.errno or 0) from error
        config = load_config(text)
        validate(config)
        return text, config
