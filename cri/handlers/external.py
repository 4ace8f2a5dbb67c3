"""A handler that is another OCI runtime, such as runc, by its command line.

Its containers have the pod's namespaces by their paths, and a monitor as the parent of their process: so log, attach,
exit code and restart of the server are as ever. Signals go to the process itself. ADR 11 says why it is so.
"""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass

from firkin.cri.containers.filesystem import FileSystem
from firkin.cri.execution.launch import Program, Wish
from firkin.cri.handlers.command import call, features_of, words_in
from firkin.cri.handlers.external_exec import launch
from firkin.cri.handlers.handler import Features
from firkin.cri.handlers.mounts import unmount_below
from firkin.cri.handlers.records import destroy_cgroup, holding_of, remove_record, request_of
from firkin.cri.places import Places
from firkin.errors import FirkinError, NotFoundError
from firkin.oci.encoding import encode
from firkin.oci.json_text import dump
from firkin.oci.record import replace
from firkin.oci.runtime_spec import Config, Resources
from firkin.runtime.compile.external import ExternalRuntime, compile_external
from firkin.runtime.compile.request import Host

__all__ = ["ExternalHandler"]

_OCI_VERSION = "1.0.2"
"""What the configuration is said to be of: runtimes of that age refuse later ones."""
_LOG = "runtime.log"
_MOST_LOG = 1 << 20


@dataclass(frozen=True, slots=True)
class _Console:
    """Where the sockets for terminals are. The name of one is short: the path has to fit an address (unix(7))."""

    directory: str

    def path(self, container: str) -> str:
        return f"{self.directory}/{container[:16]}"


class ExternalHandler:
    """The runtime at `path`; see `firkin.cri.handlers.handler.Handler`."""

    def __init__(self, name: str, path: str, places: Places, host: Host) -> None:
        self.name = name
        self._path = path
        self._places = places
        self._host = host
        self._console = _Console(places.consoles)
        self._root = places.handler(name)
        self.features = Features()

    def probe(self) -> None:
        """Ask the runtime what it can do. Raises FirkinError if it can not be run."""
        self.features = features_of(self._runtime())

    def _runtime(self, log: str = "", console: str = "") -> ExternalRuntime:
        options = ["--root", self._root, "--log-format", "json", *(("--log", log) if log else ())]
        return ExternalRuntime(self.name, self._path, options, console)

    def _log(self, container: str) -> str:
        return f"{self._places.container(container)}/{_LOG}"

    def plan(self, container: str, config: Config, files: FileSystem) -> bytes:
        """The plan that has the runtime create and start a container."""
        config = replace(config, oci_version=_OCI_VERSION)
        for path in files.trees:
            os.makedirs(path, 0o755, exist_ok=True)
        request = request_of(self._places, container, config, files)
        runtime = self._runtime(self._log(container), self._console.path(container))
        return compile_external(config, request, self._host, runtime)

    def placed(self, _container: str, plan: bytes) -> AbstractAsyncContextManager[bytes]:
        """The plan itself."""
        return nullcontext(plan)

    def explain(self, container: str, error: FirkinError) -> FirkinError:
        """With what the runtime has written to its log."""
        try:
            with open(self._log(container), encoding="utf-8", errors="replace") as file:
                said = words_in(file.read(_MOST_LOG))
        except FileNotFoundError:
            return error
        return FirkinError(f"runtime handler {error}: {said}") if said else error

    async def launch(self, container: str, wish: Wish) -> Program:
        """Start one more program by `exec`."""
        return await launch(self._runtime, self._places, container, wish)

    def update(self, container: str, limits: Resources) -> None:
        """Change the limits by `update`, in whatever version of cgroups the runtime has them."""
        call(self._runtime(), "update", "--resources", "-", container, text=dump(encode(limits)))

    def dump(self, container: str, images: str, work: str) -> None:
        """Have the runtime do it."""
        flags = ("--leave-running", "--tcp-established", "--ext-unix-sk", "--file-locks")
        os.mkdir(images, 0o700)
        call(self._runtime(), "checkpoint", "--image-path", images, "--work-path", work, *flags, container)

    def end(self, container: str) -> None:
        """Have the runtime forget the container; what a monitor that was killed has left mounted is unmounted."""
        call(self._runtime(), "delete", "--force", container)
        holding = holding_of(self._places, container)
        if holding:
            unmount_below(holding)
        try:
            os.unlink(self._console.path(container))
        except FileNotFoundError:
            pass
        try:
            destroy_cgroup(self._places, container)
        except NotFoundError:
            # Its plan has failed, and undone itself.
            return

    def remove(self, container: str) -> None:
        """The same, and remove the record."""
        self.end(container)
        remove_record(self._places, container)
