"""The directory of network configurations, of which the first is in force."""

from __future__ import annotations

from typing import NamedTuple

from firkin.cri.network.cni.configuration import Configuration, load_configuration, select_files
from firkin.cri.network.cni.watch import DirectoryWatch
from firkin.errors import ConfigError

__all__ = ["Choice", "ConfigurationDirectory"]

_EXTENSIONS = (".conflist", ".conf", ".json")


class Choice(NamedTuple):
    """The configuration in force, None if there is none, and what is wrong with those that would come before it."""

    configuration: Configuration | None
    faults: tuple[str, ...]


class ConfigurationDirectory:
    """The configurations in the directory `path`, read again when something changes there.

    Raises KernelError if it can not be watched.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._watch = DirectoryWatch(path)
        self._choice = choose(path)

    def fileno(self) -> int:
        """A descriptor that is readable when something may have changed."""
        return self._watch.fileno()

    def close(self) -> None:
        """End the watch."""
        self._watch.close()

    def current(self) -> Choice:
        """What is in force now. Raises KernelError if the directory can not be watched any more."""
        if self._watch.changed():
            self._choice = choose(self._path)
        return self._choice


def choose(path: str) -> Choice:
    """The first configuration of a directory that can be used, by name."""
    faults: list[str] = []
    try:
        files = select_files(path, _EXTENSIONS)
    except OSError as error:
        return Choice(None, (f"list {path}: {error.strerror}",))
    for file in files:
        try:
            return Choice(load_configuration(file), tuple(faults))
        except ConfigError as error:
            faults.append(str(error))
        except OSError as error:
            faults.append(f"read {file}: {error.strerror}")
    return Choice(None, tuple(faults))
