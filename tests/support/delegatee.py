"""What a user tries who was given a cgroup and wants more: a program that attacks, and says what came of it.

Arguments: the delegated cgroup, a sibling of it that the same user owns, one that the user does not own, and the group
above them; then the names of the attacks. Prints a line of JSON: the name of an attack, and the error that it met, or
null if it succeeded.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable

OWN, MINE_TOO, FOREIGN, ABOVE = sys.argv[1:5] if __name__ == "__main__" else [""] * 4


def write(path: str, value: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)


def write_by_descriptor(directory: str, file: str, value: str) -> None:
    at = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    fd = os.open(file, os.O_WRONLY, dir_fd=at)
    os.write(fd, value.encode())


def write_to_inherited(name: str) -> None:
    os.write(int(os.environ[name]), b"0")


def lend_to_privileged() -> None:
    # The server at the other end writes our pid with its own privilege to a file that we opened.
    import socket

    fd = os.open(f"{MINE_TOO}/cgroup.procs", os.O_WRONLY)
    with socket.socket(fileno=int(os.environ["SERVER"])) as server:
        socket.send_fds(server, [str(os.getpid()).encode()], [fd])
        answer = int(server.recv(16))
    if answer:
        raise OSError(answer, os.strerror(answer))


def clone_into(group: str) -> None:
    from firkin.cgroupfs import Cgroup
    from firkin.errors import CgroupError

    try:
        with Cgroup(group) as target, target.spawn(["true"]) as process:
            process.wait()
    except CgroupError as error:
        raise OSError(error.errno, str(error)) from error


def write_limits() -> None:
    # All must refuse: the first that does not ends the attack as a success.
    with open("/sys/kernel/cgroup/delegate") as file:
        given = set(file.read().split())
    last = None
    for name in sorted(os.listdir(OWN)):
        if name in given or not os.path.isfile(f"{OWN}/{name}"):
            continue
        for value in ("max", "1", "root"):
            try:
                write(f"{OWN}/{name}", value)
            except OSError as error:
                # A file that nobody may write has no mode for it; one that is writable refuses the value otherwise.
                if error.errno not in (errno.EACCES, errno.EPERM):
                    raise OSError(0, f"{name}: {error}") from error
                last = error
            else:
                return
    assert last
    raise last


def mount_all() -> None:
    place = tempfile.mkdtemp()
    done = subprocess.run(["mount", "-t", "cgroup2", "cgroup2", place], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(errno.EPERM, done.stderr)
    name = os.path.basename(FOREIGN)
    seen = [path for path, names, _ in os.walk(place) if name in names]
    if not seen:
        raise OSError(errno.ENOENT, f"{name} is not in sight")


def own_subtree() -> None:
    os.mkdir(f"{OWN}/leaf")
    write(f"{OWN}/leaf/cgroup.procs", "0")
    write(f"{OWN}/cgroup.procs", "0")
    clone_into(f"{OWN}/leaf")
    os.rmdir(f"{OWN}/leaf")


ATTACKS: dict[str, Callable[[], None]] = {
    "control": own_subtree,
    "move-up": lambda: write(f"{ABOVE}/cgroup.procs", "0"),
    "move-to-foreign": lambda: write(f"{FOREIGN}/cgroup.procs", "0"),
    "move-to-own-sibling": lambda: write(f"{MINE_TOO}/cgroup.procs", "0"),
    "move-thread-to-own-sibling": lambda: write(f"{MINE_TOO}/cgroup.threads", "0"),
    "move-by-descriptor": lambda: write_by_descriptor(f"{OWN}/../{os.path.basename(MINE_TOO)}", "cgroup.procs", "0"),
    "lend-to-privileged": lend_to_privileged,
    "inherited-sibling": lambda: write_to_inherited("SIBLING"),
    "clone-up": lambda: clone_into(ABOVE),
    "clone-to-foreign": lambda: clone_into(FOREIGN),
    "clone-to-own-sibling": lambda: clone_into(MINE_TOO),
    "raise-limits": write_limits,
    "chown-limits": lambda: os.chown(f"{OWN}/cgroup.max.depth", os.getuid(), os.getgid()),
    "chmod-limits": lambda: os.chmod(f"{OWN}/cgroup.max.depth", 0o666),
    "make-sibling": lambda: os.mkdir(f"{ABOVE}/new"),
    "remove-sibling": lambda: os.rmdir(f"{ABOVE}/{os.path.basename(MINE_TOO)}"),
    "rename": lambda: os.rename(OWN, f"{ABOVE}/new"),
    "enable-above": lambda: write(f"{ABOVE}/cgroup.subtree_control", "+pids"),
    "mount": mount_all,
}


def attempt(attack: Callable[[], None]) -> str | None:
    try:
        attack()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return None


if __name__ == "__main__":
    print(json.dumps({name: attempt(ATTACKS[name]) for name in sys.argv[5:]}))
