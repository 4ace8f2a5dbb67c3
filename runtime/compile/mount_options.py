"""Mount options: from the words of the specification to the attributes of the mount calls.

Source: config.md "Linux mount options"; mount_setattr(2), fsopen(2), mount(2).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["OPTIONS", "RDONLY", "MountOptions", "parse_options"]

RDONLY, _NOSUID, _NODEV, _NOEXEC, _NODIRATIME, _NOSYMFOLLOW = 0x1, 0x2, 0x4, 0x8, 0x80, 0x200000
_ATIME, _NOATIME, _STRICTATIME = 0x70, 0x10, 0x20

# Word -> (attributes set, attributes cleared); "r" in front makes them recursive.
_ATTRIBUTES = {
    "ro": (RDONLY, 0),
    "rw": (0, RDONLY),
    "nosuid": (_NOSUID, 0),
    "suid": (0, _NOSUID),
    "nodev": (_NODEV, 0),
    "dev": (0, _NODEV),
    "noexec": (_NOEXEC, 0),
    "exec": (0, _NOEXEC),
    "nodiratime": (_NODIRATIME, 0),
    "diratime": (0, _NODIRATIME),
    "noatime": (_NOATIME, _ATIME),
    "strictatime": (_STRICTATIME, _ATIME),
    "relatime": (0, _ATIME),
    "atime": (0, _ATIME),
    "norelatime": (0, 0),
    "nostrictatime": (0, _ATIME),
    "nosymfollow": (_NOSYMFOLLOW, 0),
    "symfollow": (0, _NOSYMFOLLOW),
}
_PROPAGATION = {"private": 1 << 18, "slave": 1 << 19, "shared": 1 << 20, "unbindable": 1 << 17}
# Of the superblock: fsconfig(2) knows the words. `silent` and `loud` are about the kernel's log only.
_SUPERBLOCK = frozenset(("sync", "async", "dirsync", "lazytime", "nolazytime", "mand", "nomand"))
_IGNORED = frozenset(("defaults", "silent", "loud", "noiversion"))
# Not of the specification, but of other runtimes: what they ask for must not go to the file system.
_FOREIGN = frozenset(("copy-symlink",))
_EXTRA = frozenset(("tmpcopyup", "dest-nofollow", "src-nofollow"))

# For mount(2), where fsconfig(2) has no word or no room.
_LEGACY = {
    "ro": 1,
    "nosuid": 2,
    "nodev": 4,
    "noexec": 8,
    "sync": 16,
    "mand": 64,
    "dirsync": 128,
    "nosymfollow": 256,
    "noatime": 1 << 10,
    "nodiratime": 1 << 11,
    "relatime": 1 << 21,
    "iversion": 1 << 23,
    "strictatime": 1 << 24,
    "lazytime": 1 << 25,
}
_FSCONFIG_ROOM = 255

OPTIONS = frozenset(
    (
        "bind",
        "rbind",
        "remount",
        "iversion",
        "idmap",
        "ridmap",
        *_EXTRA,
        *_ATTRIBUTES,
        *(f"r{word}" for word in _ATTRIBUTES),
        *_PROPAGATION,
        *(f"r{word}" for word in _PROPAGATION),
        *_SUPERBLOCK,
        *_IGNORED,
    )
)
"""The words that are options here; every other one is for the file system."""


class MountOptions:
    """The options of one mount, sorted out.

    `bind` is "", "bind" or "rbind". `set`, `clear` are MOUNT_ATTR_* of the mount, `recursive_set` and
    `recursive_clear` of its whole tree. `propagation` is a MS_* value, with `recursive_propagation`. `data` is for
    the file system. `unsupported` is the first option that can't be honoured, or "". `mapping` is
    idmap or ridmap, or "". `extra` are those of tmpcopyup, dest-nofollow and src-nofollow that are given.
    """

    def __init__(self) -> None:
        self.bind = ""
        self.remount = False
        self.set = self.clear = 0
        self.recursive_set = self.recursive_clear = 0
        self.propagation = 0
        self.recursive_propagation = False
        self.words: list[str] = []
        self.data: list[str] = []
        self.unsupported = ""
        self.mapping = ""
        self.extra: set[str] = set()

    @property
    def needs_legacy(self) -> bool:
        """Whether only mount(2) takes these options."""
        return "iversion" in self.words or any(len(item.encode()) > _FSCONFIG_ROOM for item in self.data)

    @property
    def legacy_flags(self) -> int:
        """The options as MS_* flags."""
        flags = 0
        for word in self.words:
            flags |= _LEGACY.get(word, 0)
        return flags

    @property
    def superblock(self) -> list[str]:
        """The options that are the file system's and not the mount's, but for those that say what is the default."""
        return [word for word in self.words if word in _SUPERBLOCK and word in _LEGACY] + self.data

    def fsconfig(self, source: str) -> bytes:
        """The options as the operation `mount-new` takes them: pairs of NUL-terminated texts."""
        pairs = [f"=source\0{source}\0"] if source else []
        pairs += [f"!{word}\0\0" for word in self.words if word in _SUPERBLOCK]
        for item in self.data:
            key, equals, value = item.partition("=")
            pairs.append(f"={key}\0{value}\0" if equals else f"!{key}\0\0")
        return "".join(pairs).encode("utf-8", "surrogateescape")

    def _take_attribute(self, word: str) -> bool:
        found = _ATTRIBUTES.get(word)
        if found:
            self.set = self.set & ~found[1] | found[0]
            self.clear = self.clear & ~found[0] | found[1]
            return True
        found = _ATTRIBUTES.get(word[1:]) if word[:1] == "r" else None
        if found:
            self.recursive_set = self.recursive_set & ~found[1] | found[0]
            self.recursive_clear = self.recursive_clear & ~found[0] | found[1]
        return found is not None

    def _take_propagation(self, word: str) -> bool:
        value = _PROPAGATION.get(word) or (_PROPAGATION.get(word[1:]) if word[:1] == "r" else None)
        if value:
            self.propagation = value
            self.recursive_propagation = word not in _PROPAGATION
        return value is not None

    def take(self, word: str) -> None:
        """Add one option; a later one overrides an earlier one."""
        self.words.append(word)
        if word in ("bind", "rbind"):
            self.bind = word
        elif word == "remount":
            self.remount = True
        elif word in ("idmap", "ridmap"):
            self.mapping = word
        elif word in _EXTRA:
            self.extra.add(word)
        elif word in _FOREIGN or word.startswith(("idmap=", "ridmap=")):
            self.unsupported = self.unsupported or word
        elif not (self._is_kept(word) or self._take_attribute(word) or self._take_propagation(word)):
            self.words.pop()
            self.data.append(word)

    @staticmethod
    def _is_kept(word: str) -> bool:
        return word in _IGNORED or word in _SUPERBLOCK or word == "iversion"


def parse_options(words: Sequence[str]) -> MountOptions:
    """Sort out the options of a mount in the order of the list."""
    options = MountOptions()
    for word in words:
        options.take(word)
    return options
