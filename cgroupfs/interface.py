"""What an interface file is: its name, its place in the tree, the model it belongs to, how it is read and written.

A controller's files are attributes of its class (`cgroupfs/controllers`): `Memory.max` is the file and what is known
about it, `group.memory.max` its value in a cgroup, `group.memory.max = "512m"` a write.
Source: Documentation/admin-guide/cgroup-v2.rst, "Resource Distribution Models", "Interface Files".
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar, overload

from firkin.errors import CgroupFileError, CgroupValueError

if TYPE_CHECKING:
    from typing import Self

    from firkin.cgroupfs.handle import Handle

__all__ = ["MAX", "Controller", "File", "Model", "Place"]

Read = TypeVar("Read")
Written = TypeVar("Written", contravariant=True)

MAX: Final = "max"
"""What a limit reads as where there is none."""


class Model(Enum):
    """How a file distributes a resource, or what else it is for."""

    WEIGHT = "weight"
    LIMIT = "limit"
    PROTECTION = "protection"
    ALLOCATION = "allocation"
    EVENTS = "events"
    STATE = "state"
    CONTROL = "control"


class Place(Enum):
    """Which cgroups have a file."""

    ANY = "any"
    NOT_ROOT = "not the root"
    ROOT = "the root"


class File(Generic[Read, Written]):
    """An interface file, as an attribute of a controller's class.

    Parameters: `name` is the file's, where `{}` stands for the controller's subject (a size of huge pages); `since`
    the kernel that brought it, for documentation: whether a cgroup has it is asked of the cgroup; `access` is r, w or
    rw; `default` is what a new cgroup reads.
    """

    words: str = ""
    """What values look like, for people."""

    def __init__(
        self, name: str, model: Model, since: str, what: str, *,
        access: str = "rw", place: Place = Place.NOT_ROOT, default: str = "",
    ) -> None:  # fmt: skip
        self.name = name
        self.model = model
        self.since = since
        self.what = what
        self.access = access
        self.place = place
        self.default = default

    def decode(self, text: str) -> Read:
        """The value that the file's text says. Raises ValueError for a text that no kernel writes."""
        raise NotImplementedError

    def encode(self, value: Written) -> list[str]:
        """The writes that make the file say `value`, in order. Raises ValueError for what the kernel would refuse."""
        raise NotImplementedError

    def read(self, controller: Controller) -> Read:
        """The value in a cgroup. Raises CgroupError; CgroupFileError for no such file, or one that is only written."""
        name = controller.file(self)
        if "r" not in self.access:
            raise CgroupFileError(f"read {controller.group.path}/{name}: it can only be written", verb="read")
        return self.decode(controller.group.read(name))

    def write(self, controller: Controller, value: Written) -> None:
        """Write `value`. Raises CgroupValueError before the kernel is asked where it would refuse; CgroupError."""
        name = controller.file(self)
        for text in self.checked(value, f"{controller.group.path}/{name}"):
            controller.group.write(name, text)

    def checked(self, value: Written, path: str) -> list[str]:
        """`encode`, with errors that name the file at `path`. Raises CgroupValueError, CgroupFileError."""
        if "w" not in self.access:
            raise CgroupFileError(f"write {value!r} to {path}: it can only be read", verb="write", file=path)
        try:
            return self.encode(value)
        except (ValueError, TypeError) as error:
            hint = f"{self.name} takes {self.words}" if self.words else ""
            text = value if isinstance(value, str) else repr(value)
            raise CgroupValueError(
                f"write {text!r} to {path}: {error}", verb="write", file=path, value=text, hint=hint
            ) from None

    @overload
    def __get__(self, controller: None, kind: type[Controller]) -> Self: ...
    @overload
    def __get__(self, controller: Controller, kind: type[Controller]) -> Read: ...
    def __get__(self, controller: Controller | None, kind: type[Controller]) -> Self | Read:
        return self if controller is None else self.read(controller)

    def __set__(self, controller: Controller, value: Written) -> None:
        self.write(controller, value)


class Controller:
    """The files of one controller in one cgroup.

    `name` is the kernel's name of the controller, "" for what every cgroup has; a `threaded` one can control the
    threads of one process apart.
    """

    name: ClassVar[str] = ""
    threaded: ClassVar[bool] = False

    def __init__(self, group: Handle, subject: str = "") -> None:
        self.group = group
        self.subject = subject

    def file(self, file: File[Read, Written]) -> str:
        """The name of the file for this controller's subject."""
        return file.name.format(self.subject)

    def has(self, file: File[Read, Written]) -> bool:
        """Whether the cgroup has the file: the kernel knows it, the controller is enabled. Raises CgroupGoneError."""
        return self.group.has(self.file(file))

    @classmethod
    def files(cls) -> Iterator[tuple[str, File[object, object]]]:
        """The attributes that are files, by name."""
        for base in reversed(cls.__mro__):
            yield from ((name, file) for name, file in vars(base).items() if isinstance(file, File))
