"""What the kernel tells of groups that come and go, so that a reader looks again only where something did."""

from __future__ import annotations

from firkin.cgroupfs.accounting.groups import Place, Row, place_below
from firkin.cgroupfs.events import inotify
from firkin.cgroupfs.handle import Handle

__all__ = ["Changes"]


class Changes:
    """An inotify instance with a watch for each row. Raises CgroupLimitError if the user has too many instances.

    `parents` are the places of the rows below which a group came or went, `children` those of such groups, both since
    `forget`. With `lost`, there may be others.
    """

    def __init__(self) -> None:
        self._inotify = inotify.Inotify()
        # A group can be in two places: below one root, and another root itself.
        self._places: dict[int, set[Place]] = {}
        self.forget()

    def close(self) -> None:
        """End all watches."""
        self._inotify.close()

    def forget(self) -> None:
        """Begin anew, when the rows are up to date."""
        self.parents: set[Place] = set()
        self.children: set[Place] = set()
        self.lost = False

    def add(self, row: Row, dir_fd: int) -> None:
        """Watch the row's directory, which is open as `dir_fd`; it may be watched already.

        Raises CgroupGoneError, CgroupLimitError if the user has too many watches.
        """
        row.watch = self._inotify.add(Handle(row.name, dir_fd), ".", inotify.CREATE | inotify.DELETE)
        self._places.setdefault(row.watch, set()).add(row.place)

    def keep(self, rows: list[Row]) -> None:
        """End the watches of all but these rows: the mark of a removed cgroup lives as long as the instance."""
        for watch in self._places.keys() - {row.watch for row in rows}:
            self._inotify.remove(watch)
            del self._places[watch]

    def take(self) -> bool:
        """Take the notices that have come; returns whether the rows are out of date."""
        for notice in self._inotify.read():
            self.lost = self.lost or bool(notice.mask & inotify.OVERFLOW)
            if notice.mask & inotify.ISDIR:
                places = self._places.get(notice.watch, ())
                self.parents.update(places)
                self.children.update(place_below(place, notice.name) for place in places)
        return self.lost or bool(self.parents)
