"""Dumping a container: CRIU writes its processes, and this what CRIU can not know of it."""

from __future__ import annotations

import os
import subprocess

from firkin.errors import StateError, UsageError
from firkin.oci.runtime_spec import Config
from firkin.oci.runtime_spec.config import load_config
from firkin.runtime.checkpoint.messages import DUMP, PRE_DUMP, Fields, Notification, Opts, Response
from firkin.runtime.checkpoint.mountinfo import read_mounts
from firkin.runtime.checkpoint.mounts import find_outside
from firkin.runtime.checkpoint.namespaces import check_owned, external
from firkin.runtime.checkpoint.note import Note
from firkin.runtime.checkpoint.options import Places, check_options, common_fields, places_of
from firkin.runtime.checkpoint.privileges import read_privileges
from firkin.runtime.checkpoint.service import ENVIRONMENT, Service, find_criu, why
from firkin.runtime.checkpoint.streams import look_at
from firkin.runtime.status import check
from firkin.runtime.store import Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["checkpoint", "dump"]


def checkpoint(invocation: Invocation) -> None:
    """Dump the container of the command line; unless it is to be left running, delete it then.

    One whose files belong to it alone (those of an image) is left stopped. Raises StateError if it does not run,
    UnsupportedError for what CRIU can not dump, FirkinError in CRIU's words.
    """
    check_options(invocation)
    find_criu()
    stays = invocation.flag("leave-running") or invocation.flag("pre-dump")
    with Container(invocation.root, invocation.container) as container:
        container.lock()
        check("checkpoint", container.id, container.status())
        with places_of(invocation, "dump.log", make=True) as places:
            dump(container, places, _wishes(invocation), only_memory=invocation.flag("pre-dump"))
        if not stays and not container.text("holding"):
            from firkin.runtime.delete import take_away

            take_away(container, invocation.log.warning)


def _wishes(invocation: Invocation) -> Fields:
    parent = invocation.text("parent-path")
    if parent.startswith("/"):
        raise UsageError("checkpoint: option --parent-path: must be relative to --image-path")
    return common_fields(invocation) | {
        Opts.leave_running: invocation.flag("leave-running"),
        Opts.track_mem: bool(parent) or invocation.flag("pre-dump"),
        **({Opts.parent_img: parent} if parent else {}),
    }


def dump(container: Container, places: Places, wishes: Fields, *, only_memory: bool = False) -> None:
    """Dump a container that runs, and which the caller has locked.

    Parameters: `wishes` are fields of `criu_opts`; `only_memory` asks for what a later dump continues. Raises
    UnsupportedError for what CRIU can not dump, StateError, FirkinError in CRIU's words.
    """
    config = load_config(container.config_text())
    check_owned(config)
    note = _note(config, container)
    fields = {**places.fields(), **wishes, **_fields(config, container, note)}
    note.write(places.images_path)
    response = _serve(PRE_DUMP if only_memory else DUMP, fields)
    if not response.success:
        raise why(f'checkpoint container "{container.id}"', response, places.log)


def _serve(kind: int, fields: Fields) -> Response:
    with Service() as service:
        fd, null = service.theirs.fileno(), subprocess.DEVNULL
        argv = [find_criu(), "swrk", str(fd)]
        # A key that interrupts this command must not end CRIU half-way: the processes are in its hands.
        process = subprocess.Popen(
            argv, stdin=null, stdout=null, stderr=null, env=ENVIRONMENT, pass_fds=[fd], start_new_session=True
        )
        try:
            return service.call(kind, fields, _ignore)
        finally:
            service.close()
            process.wait()


def _ignore(_notification: Notification, _descriptor: int) -> None:
    return


def _note(config: Config, container: Container) -> Note:
    mounts = read_mounts(container.pid)
    try:
        root = os.open(f"/proc/{container.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StateError(f"container not running: {error.strerror}") from None
    try:
        streams, outside = look_at(container.pid, mounts), find_outside(config, mounts, root)
    finally:
        os.close(root)
    return Note(streams, outside, read_privileges(container.pid))


def _fields(config: Config, container: Container, note: Note) -> Fields:
    outside = [f"mnt[{mount.point}]:{mount.point}" for mount in note.mounts]
    outside += dict.fromkeys(stream.key for stream in note.streams if stream.key and not stream.is_pipe)
    outside += external(config, container.pid)
    return {
        Opts.pid: container.pid,
        Opts.external: outside,
        Opts.freeze_cgroup: container.cgroup,
        Opts.orphan_pts_master: True,
    }
