"""What is known of the blobs: names of images, who refers to whom, leases, snapshots. SQLite, in WAL mode.

A row is written after what it speaks of is on disk, and removed before that is: a crash leaves files without a row,
which garbage collection removes, never a row without its files.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from firkin.errors import FirkinError, KernelError, NotFoundError, StateError

__all__ = ["Image", "Metadata", "Snapshot"]

_ERRNO = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_IOERR: errno.EIO,
}

# Each step takes the schema from its number to the next.
_STEPS = (
    """
    CREATE TABLE images (name TEXT PRIMARY KEY, digest TEXT NOT NULL, media_type TEXT NOT NULL, size INTEGER NOT NULL,
                         updated INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE edges (parent TEXT NOT NULL, child TEXT NOT NULL, PRIMARY KEY (parent, child)) STRICT, WITHOUT ROWID;
    CREATE TABLE leases (id TEXT PRIMARY KEY, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE lease_items (lease TEXT NOT NULL REFERENCES leases (id) ON DELETE CASCADE, item TEXT NOT NULL,
                              PRIMARY KEY (lease, item)) STRICT, WITHOUT ROWID;
    CREATE TABLE snapshots (chain_id TEXT PRIMARY KEY, parent TEXT NOT NULL, directory TEXT NOT NULL UNIQUE,
                            bytes INTEGER NOT NULL, entries INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    """,
    """
    DROP TABLE snapshots;
    CREATE TABLE snapshots (name TEXT PRIMARY KEY, bytes INTEGER NOT NULL, inodes INTEGER NOT NULL,
                            tells_root INTEGER NOT NULL, boot TEXT NOT NULL) STRICT, WITHOUT ROWID;
    """,
    """
    DROP TABLE lease_items;
    DROP TABLE leases;
    CREATE TABLE leases (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE lease_items (lease TEXT NOT NULL REFERENCES leases (id) ON DELETE CASCADE, item TEXT NOT NULL,
                              PRIMARY KEY (lease, item)) STRICT, WITHOUT ROWID;
    """,
)


class Image(NamedTuple):
    """A name and what it stands for; `updated` is in seconds since the epoch."""

    name: str
    digest: str
    media_type: str
    size: int
    updated: int


class Snapshot(NamedTuple):
    """A layer that is unpacked, under a name of `firkin.oci.snapshots.names`.

    `bytes` and `inodes` are what it takes up. `tells_root` says whether the layer has an entry for the root directory
    itself. `boot` is "" where all of it is on disk; before that it counts only for as long as the machine runs, whose
    boot id it is.
    """

    name: str
    bytes: int
    inodes: int
    tells_root: bool
    boot: str


class _Database(sqlite3.Connection):
    # What the machine lacks becomes an error that says so.
    path = ""

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        try:
            return super().execute(sql, parameters)
        except sqlite3.OperationalError as error:
            raise self._error(error) from error

    def executemany(self, sql: str, parameters: Any) -> sqlite3.Cursor:
        try:
            return super().executemany(sql, parameters)
        except sqlite3.OperationalError as error:
            raise self._error(error) from error

    def _error(self, error: sqlite3.OperationalError) -> FirkinError:
        # The extended codes have the kind in their lowest byte.
        number = _ERRNO.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        if number == errno.EIO and not os.statvfs(os.path.dirname(self.path)).f_bavail:
            # SQLite has many words for a full disk, "disk I/O error" among them.
            number = errno.ENOSPC
        return KernelError(f"write {self.path}", number) if number else StateError(f"{self.path}: {error}")


class Metadata:
    """The database at `path`, made if it is missing. For one thread.

    Raises StateError if it was written by a later version, or is no database.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        # Others may hold the lock of a writer for a moment.
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, factory=_Database)
        self._db.path = path
        try:
            os.chmod(path, 0o600)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._migrate()
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise StateError(f"open {path}: {error}", hint="firkin fsck says what can be saved") from error
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Release the database."""
        self._db.close()

    def _migrate(self) -> None:
        with self.transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > len(_STEPS):
                raise StateError(f"open {self.path}: has version {version}, this firkin knows {len(_STEPS)} at most")
            for number in range(version, len(_STEPS)):
                for statement in _STEPS[number].split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {number + 1}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is written inside, or nothing; nobody else writes meanwhile.

        Raises KernelError if the database can not be written: the disk is full, or read-only.
        """
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # Some errors end the transaction by themselves.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def set_image(self, name: str, digest: str, media_type: str, size: int) -> None:
        """Let the name stand for a manifest or an index."""
        row = (name, digest, media_type, size, int(time.time()))
        self._db.execute("INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?, ?)", row)

    def image(self, name: str) -> Image:
        """The image with this name. Raises NotFoundError."""
        row = self._db.execute("SELECT * FROM images WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise NotFoundError(f"image {name}: is not here", hint=f"firkin pull {name}")
        return Image(*row)

    def images(self) -> list[Image]:
        """All images, by name."""
        return [Image(*row) for row in self._db.execute("SELECT * FROM images ORDER BY name")]

    def remove_image(self, name: str) -> None:
        """Forget a name. Raises NotFoundError."""
        if not self._db.execute("DELETE FROM images WHERE name = ?", (name,)).rowcount:
            raise NotFoundError(f"image {name}: is not here")

    def refer(self, parent: str, children: Iterable[str]) -> None:
        """Let the blob `parent` keep `children`: blobs by digest, or snapshots by `snapshot/NAME`."""
        self._db.executemany("INSERT OR IGNORE INTO edges VALUES (?, ?)", [(parent, child) for child in children])

    def children(self, parent: str) -> list[str]:
        """What a blob keeps."""
        return [child for (child,) in self._db.execute("SELECT child FROM edges WHERE parent = ?", (parent,))]

    def descendants(self, parent: str) -> set[str]:
        """What a blob keeps, at any distance."""
        query = """
            WITH RECURSIVE kept (item) AS (
                SELECT child FROM edges WHERE parent = ? UNION SELECT child FROM edges JOIN kept ON parent = item)
            SELECT item FROM kept"""
        return {item for (item,) in self._db.execute(query, (parent,))}

    def reachable(self) -> set[str]:
        """Every item that an image or a lease keeps, at any distance."""
        query = """
            WITH RECURSIVE kept (item) AS (
                SELECT digest FROM images UNION SELECT item FROM lease_items
                UNION SELECT child FROM edges JOIN kept ON parent = item)
            SELECT item FROM kept"""
        return {item for (item,) in self._db.execute(query)}

    def forget_edges(self, parents: Iterable[str]) -> None:
        """Remove what blobs that are gone kept."""
        self._db.executemany("DELETE FROM edges WHERE parent = ?", [(parent,) for parent in parents])

    def add_lease(self, id: str) -> None:
        """Make a lease."""
        self._db.execute("INSERT INTO leases VALUES (?)", (id,))

    def leases(self) -> list[str]:
        """The ids of all leases, of dead processes too."""
        return [id for (id,) in self._db.execute("SELECT id FROM leases")]

    def lease_item(self, id: str, item: str) -> None:
        """Let a lease keep an item. Raises NotFoundError for a lease that is over."""
        try:
            self._db.execute("INSERT OR IGNORE INTO lease_items VALUES (?, ?)", (id, item))
        except sqlite3.IntegrityError:
            raise NotFoundError(f"lease {id}: is over") from None

    def end_lease(self, id: str) -> None:
        """End a lease; it may be over already."""
        self._db.execute("DELETE FROM leases WHERE id = ?", (id,))

    def add_snapshot(self, snapshot: Snapshot) -> None:
        """Record what is unpacked, in the place of what was recorded under its name."""
        self._db.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?)", snapshot)

    def snapshot(self, name: str) -> Snapshot | None:
        """The snapshot of this name, if there is one."""
        row = self._db.execute("SELECT * FROM snapshots WHERE name = ?", (name,)).fetchone()
        return _snapshot(row) if row else None

    def snapshots(self) -> list[Snapshot]:
        """All snapshots."""
        return [_snapshot(row) for row in self._db.execute("SELECT * FROM snapshots ORDER BY name")]

    def settle_snapshots(self, names: Iterable[str]) -> None:
        """Record that all of these snapshots is on disk."""
        self._db.executemany("UPDATE snapshots SET boot = '' WHERE name = ?", [(name,) for name in names])

    def remove_snapshot(self, name: str) -> None:
        """Forget a snapshot."""
        self._db.execute("DELETE FROM snapshots WHERE name = ?", (name,))

    def check(self) -> list[str]:
        """What SQLite finds wrong with the file."""
        return [text for (text,) in self._db.execute("PRAGMA integrity_check") if text != "ok"]


def _snapshot(row: tuple[str, int, int, int, str]) -> Snapshot:
    name, size, inodes, tells_root, boot = row
    return Snapshot(name, size, inodes, bool(tells_root), boot)
