"""Restoring a container: a plan makes what surrounds it, and CRIU, inside of that, its processes.

Until CRIU says that the processes are there the record is one of a container in the making: what kills this process
leaves a cgroup with whatever is in it, CRIU too, and `delete --force` takes that away.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from typing import Self

from firkin.errors import KernelError
from firkin.oci.runtime_spec import Config
from firkin.runtime.bundle import read_bundle
from firkin.runtime.checkpoint.birth import Birth, connect_console
from firkin.runtime.checkpoint.messages import RESTORE, Fields, Opts, Value
from firkin.runtime.checkpoint.mounts import missing_targets, replacement
from firkin.runtime.checkpoint.namespaces import check_joined, check_owned, joined
from firkin.runtime.checkpoint.note import read_note
from firkin.runtime.checkpoint.options import check_options, common_fields, places_of
from firkin.runtime.checkpoint.service import ENVIRONMENT, Service, find_criu, why
from firkin.runtime.checkpoint.streams import inherited
from firkin.runtime.compile.request import Request
from firkin.runtime.compile.restore import compile_restore, root_path
from firkin.runtime.create import rfc3339_now, run_or_raise
from firkin.runtime.delete import end
from firkin.runtime.host import read_host
from firkin.runtime.spawn import Outcome, wait
from firkin.runtime.store import Container, check_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["restore"]


def restore(invocation: Invocation) -> int:
    """Restore the container of the command line; its exit code, or 0 with `--detach`.

    Raises FirkinError, in CRIU's words where that failed; then nothing is left behind.
    """
    check_options(invocation)
    check_id(invocation.container)
    if invocation.flag("detach"):
        os.close(_restore(invocation, foreground=False).pidfd)
        return 0
    from firkin.runtime.delete import delete
    from firkin.runtime.foreground import Attendant

    attendant = Attendant()
    code = attendant.attend(_restore(invocation, foreground=True))
    delete(invocation.root, invocation.container, force=True, warn=invocation.log.warning)
    return code


def _restore(invocation: Invocation, *, foreground: bool) -> Outcome:
    with _Restoration(invocation, foreground=foreground) as restoration:
        return restoration.run()


class _Restoration:
    # What one restore holds open, from the reading of the bundle to a container that runs.

    def __init__(self, invocation: Invocation, *, foreground: bool) -> None:
        self._invocation = invocation
        self._criu = find_criu()
        self._bundle, self._text, self._config = read_bundle(invocation.text("bundle"), invocation.text("config"))
        check_owned(self._config)
        check_joined(self._config)
        self._host = read_host(invocation.root)
        self._open = ExitStack()
        with self._open:
            self._console = connect_console(invocation.text("console-socket"), self._config, foreground=foreground)
            if self._console:
                self._open.callback(self._console.close)
            self._places = self._open.enter_context(places_of(invocation, "restore.log", make=False))
            self._note = read_note(self._places.images_path, self._config)
            self._keys = inherited(self._note.streams)
            for _, fd in self._keys:
                self._open.callback(os.close, fd)
            self._keys += self._namespaces()
            self._service = self._open.enter_context(Service())
            self._open = self._open.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._open.close()

    def _namespaces(self) -> list[tuple[str, int]]:
        found = []
        for _, key, path in joined(self._config):
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise KernelError(f"open namespace {path}", error.errno or 0) from error
            self._open.callback(os.close, fd)
            found.append((key, fd))
        return found

    def run(self) -> Outcome:
        """Make the container; the outcome is that of its first process."""
        process = self._start()
        try:
            with Container(self._invocation.root, self._invocation.container) as container:
                container.lock()
                try:
                    return self._serve(container)
                except BaseException:
                    self._service.close()
                    end(container)
                    container.remove()
                    raise
        finally:
            self._service.close()
            wait(process.pidfd)
            os.close(process.pidfd)

    def _start(self) -> Outcome:
        passed = [self._service.theirs.fileno(), *(fd for _, fd in self._keys)]
        for fd in passed:
            os.set_inheritable(fd, True)
        request = Request(
            id=self._invocation.container,
            bundle=self._bundle,
            state_root=self._invocation.root,
            config=self._text,
            created=rfc3339_now(),
            owner=os.getuid(),
            run=True,
            preserve_fds=max(passed) - 2,
        )
        argv = [self._criu, "swrk", str(passed[0])]
        program = (argv, [f"{name}={value}" for name, value in ENVIRONMENT.items()])
        targets = missing_targets(self._config, root_path(self._config, self._bundle), self._bundle)
        compiler = partial(compile_restore, criu=program, targets=targets)
        if self._invocation.cgroup_manager != "systemd":
            return run_or_raise(compiler(self._config, request, self._host)[0])
        from firkin.runtime.scope import create_in_scope, needs_user_manager

        user = needs_user_manager(self._invocation)
        return create_in_scope(self._config, request, self._host, user=user, compiler=compiler)[0]

    def _serve(self, container: Container) -> Outcome:
        birth = Birth(
            container,
            self._config,
            console=self._console,
            pid_file=self._invocation.text("pid-file"),
            privileges=self._note.privileges,
        )
        response = self._service.call(RESTORE, self._fields(container), birth)
        if not response.success:
            raise why(f'restore container "{container.id}"', response, self._places.log)
        if birth.warning:
            self._invocation.log.warning(birth.warning)
        return Outcome(
            error=0,
            section=-1,
            index=0,
            undo_error=0,
            pid=response.pid,
            pidfd=os.pidfd_open(response.pid),
            terminal=birth.terminal,
            output=-1,
            detail="",
        )

    def _fields(self, container: Container) -> Fields:
        cgroups = container.cgroup if _has_cgroup_namespace(self._config) else self._host.hierarchy.mount
        mounts = {mount.point: replacement(mount, self._config, self._bundle, cgroups) for mount in self._note.mounts}
        inherit: list[Fields] = [{1: key, 2: fd} for key, fd in self._keys]
        profile, label = self._invocation.text("lsm-profile"), self._invocation.text("lsm-mount-context")
        fields: dict[int, Value] = {
            Opts.notify_scripts: True,
            Opts.root: root_path(self._config, self._bundle),
            # The processes are this one's children, as if it had made them.
            Opts.rst_sibling: True,
            Opts.inherit_fd: inherit,
            Opts.external: [f"mnt[{point}]:{path}" for point, path in mounts.items()],
            Opts.orphan_pts_master: True,
            **({Opts.lsm_profile: profile} if profile else {}),
            **({Opts.lsm_mount_context: label} if label else {}),
        }
        return self._places.fields() | common_fields(self._invocation) | fields


def _has_cgroup_namespace(config: Config) -> bool:
    return any(namespace.type == "cgroup" for namespace in (config.linux.namespaces if config.linux else ()))
