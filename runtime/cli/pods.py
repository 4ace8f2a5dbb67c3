"""Which uses of commands that containers and pods have in common mean pods.

Ids of containers have no slash, and kinds are told before names: `exec pod/web`, `top pods`, `delete pod web`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.options import Command

__all__ = ["POD_MODULES", "means_pods"]

POD_MODULES = {
    "delete": "firkin.kubelet.commands.delete",
    "exec": "firkin.kubelet.commands.exec",
    "top": "firkin.kubelet.commands.top",
}
"""The modules of those commands for pods."""

_KINDS = ("pod", "pods", "po", "node", "nodes", "no")
# Options of the commands for pods alone, which those for containers do not have.
_OPTIONS = (
    "-n", "--namespace", "-A", "--all-namespaces", "-l", "--selector", "-f", "--filename", "--socket", "--containers",
    "--no-headers", "--sort-by", "--sum", "--all", "--grace-period", "--now", "--cascade", "--ignore-not-found",
)  # fmt: skip


def means_pods(command: Command, words: list[str]) -> bool:
    """Whether `words`, what follows the name of a command for containers, mean pods."""
    positional = []
    at = 0
    while at < len(words) and words[at] != "--":
        word = words[at]
        if word[:1] != "-" or word == "-":
            positional.append(word)
            if command.passthrough:
                break
        elif (word in ("-f", "--filename") and _is_file(words[at + 1 : at + 2])) or (
            word.split("=", 1)[0] in _OPTIONS and not _has(command, word.split("=", 1)[0])
        ):
            return True
        elif _takes_value(command, word):
            at += 1
        at += 1
    if command.name == "top":
        return bool(positional) and positional[0] in _KINDS
    return (len(positional) > 1 and not command.passthrough) or (bool(positional) and _has_kind(positional[0]))


def _has_kind(word: str) -> bool:
    # KIND/NAME. What looks like a path is a bad id, and said to be one.
    kind, slash, name = word.partition("/")
    return bool(slash) and kind.replace(".", "").isalpha() and bool(name) and "/" not in name


def _is_file(following: list[str]) -> bool:
    # -f is --force of a container, too, before its id: a manifest has a name that tells it from one.
    word = following[0] if following else ""
    return word == "-" or "/" in word or word.endswith((".yaml", ".yml", ".json"))


def _takes_value(command: Command, word: str) -> bool:
    # Whether the value is the next word; a cluster of short flags, and --name=value, have none.
    if "=" in word:
        return False
    name = word.lstrip("-")
    return any(option.kind != "flag" and name in (option.long, option.short) for option in command.options)


def _has(command: Command, word: str) -> bool:
    name = word.lstrip("-")
    return any(name in (option.long, option.short) for option in command.options if name)
