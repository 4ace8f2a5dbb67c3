"""Plug-ins of CNI as programs: one that keeps the whole protocol with files for links, and ones that misbehave."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["FileNetwork", "write_program"]

# It gives addresses by count, keeps one file for each attachment in its directory, and writes down what it was given.
_PROGRAM = """#!{python} -ES
import json, os, sys

place = {place!r}
command = os.environ["CNI_COMMAND"]
given = json.load(sys.stdin)
names = ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH")
with open(place + "/calls", "a") as calls:
    calls.write(json.dumps([given.get("type"), command, given, {{n: os.environ[n] for n in names}}]) + "\\n")


def fail(code, text, details=""):
    print(json.dumps({{"cniVersion": given["cniVersion"], "code": code, "msg": text, "details": details}}))
    sys.exit(1)


wrong = place + "/" + given.get("type", "") + "-" + command
if os.path.exists(wrong):
    code, text = open(wrong).read().split(" ", 1)
    fail(int(code), text, "asked to")
leases = place + "/leases"
lease = leases + "/" + os.environ["CNI_CONTAINERID"]
if command == "ADD" and "prevResult" in given:
    result = given["prevResult"]
    result.setdefault("dns", {{}})["search"] = [given["type"]]
    print(json.dumps(result))
elif command == "ADD":
    with open(lease, "x") as file:
        file.write("10.9.0." + str(len(os.listdir(leases)) + 1))
    link = {{"name": os.environ["CNI_IFNAME"], "mac": "02:00:00:00:00:09", "sandbox": os.environ["CNI_NETNS"]}}
    ips = [{{"address": open(lease).read() + "/24", "interface": 1}}, {{"address": "192.0.2.9/24", "interface": 0}}]
    print(json.dumps({{"cniVersion": given["cniVersion"], "interfaces": [{{"name": "host0"}}, link], "ips": ips}}))
elif command == "DEL":
    if os.path.exists(lease) and given["type"] == "first":
        os.unlink(lease)
elif command == "CHECK":
    if not os.path.exists(lease):
        fail(100, "no lease")
elif command == "GC" and given["type"] == "first":
    valid = {{each["containerID"] for each in given["cni.dev/valid-attachments"]}}
    for name in set(os.listdir(leases)) - valid:
        os.unlink(leases + "/" + name)
"""


def write_program(path: Path, text: str) -> Path:
    """An executable file."""
    path.write_text(text)
    path.chmod(0o755)
    return path


class FileNetwork:
    """Two plug-ins, `first` and `second`, in `place`/bin, which attach to nothing but files in `place`/leases."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.binaries = place / "bin"
        self.binaries.mkdir(parents=True, exist_ok=True)
        (place / "leases").mkdir(exist_ok=True)
        program = _PROGRAM.format(python=sys.executable, place=str(place))
        for name in ("first", "second"):
            write_program(self.binaries / name, program)

    @property
    def leases(self) -> list[str]:
        """Who has one."""
        return sorted(entry.name for entry in (self.place / "leases").iterdir())

    def configuration(self, version: str = "1.1.0", **more: object) -> dict[str, object]:
        """A configuration list of both plug-ins, of which the second wants to be told of ports and bandwidth."""
        second = {
            "type": "second",
            "capabilities": {"portMappings": True, "bandwidth": True, "mac": False},
            "own": [1.5],
        }
        return {"cniVersion": version, "name": "filenet", "plugins": [{"type": "first"}, second], **more}

    def fail(self, plugin: str, command: str, code: int = 100, text: str = "it fails") -> None:
        """Let a plug-in fail from now on."""
        (self.place / f"{plugin}-{command}").write_text(f"{code} {text}")

    def mend(self, plugin: str, command: str) -> None:
        """Let it fail no more."""
        (self.place / f"{plugin}-{command}").unlink()

    def calls(self) -> list[tuple[str, str, dict[str, Any], dict[str, str]]]:
        """The calls since this was asked last: plug-in, command, input and environment."""
        path = self.place / "calls"
        if not path.exists():
            return []
        lines = path.read_text().splitlines()
        path.unlink()
        return [tuple(json.loads(line)) for line in lines]

    def commands(self) -> list[str]:
        """The calls since this was asked last, in short."""
        return [f"{plugin} {command}" for plugin, command, *_ in self.calls()]
