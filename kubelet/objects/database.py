"""Objects on disk: one row each, in SQLite.

What was asked for is synchronized to disk before the answer. Status and events are not: they are found out again, so
that a crash of the machine may take the last of them.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from firkin.errors import KernelError, StateError

__all__ = ["Database", "Row"]

_VERSION = 1
_SCHEMA = """
    CREATE TABLE objects (kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, object BLOB NOT NULL,
                          PRIMARY KEY (kind, namespace, name)) STRICT, WITHOUT ROWID;
    CREATE TABLE counter (version INTEGER NOT NULL) STRICT;
    INSERT INTO counter VALUES (0);
"""


class Row(NamedTuple):
    """An object: `content` is its JSON, None if it is gone."""

    kind: str
    namespace: str
    name: str
    content: bytes | None


class Database:
    """The database at `path`, made if it is missing; for one process and one thread.

    Raises StateError if another process has it, it was written by a later version, or is no database.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            # Two agents would work against each other; with this the index of the log needs no shared memory either.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("BEGIN IMMEDIATE")
            self._migrate()
            self._db.execute("COMMIT")
            os.chmod(path, 0o600)
        except sqlite3.Error as error:
            self._db.close()
            raise self._error("open", error) from error
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Release the database."""
        self._db.close()

    def version(self) -> int:
        """The version of the last change."""
        row: tuple[int] = self._db.execute("SELECT version FROM counter").fetchone()
        return row[0]

    def rows(self) -> Iterator[Row]:
        """All objects."""
        return (Row(*row) for row in self._db.execute("SELECT kind, namespace, name, object FROM objects"))

    def write(self, rows: list[Row], version: int, *, durable: bool) -> None:
        """Write all of `rows`, or nothing. With `durable` it is on disk afterwards.

        Raises KernelError or StateError if it can not be written, such as for a full disk.
        """
        try:
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            for row in rows:
                self._write(row)
            self._db.execute("UPDATE counter SET version = ?", (version,))
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            # Some errors end the transaction by themselves.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise self._error("write", error) from error

    def _write(self, row: Row) -> None:
        if row.content is None:
            self._db.execute("DELETE FROM objects WHERE kind = ? AND namespace = ? AND name = ?", row[:3])
        else:
            self._db.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", row)

    def _migrate(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise StateError(f"open {self.path}: has version {version}, this firkin knows {_VERSION} at most")
        if version == 0:
            for statement in _SCHEMA.split(";"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def _error(self, verb: str, error: sqlite3.Error) -> KernelError | StateError:
        # The extended codes have the kind in their lowest byte.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        what = f"{verb} {self.path}"
        if code == sqlite3.SQLITE_BUSY:
            return StateError(f"{what}: another node agent has it")
        if code == sqlite3.SQLITE_READONLY:
            return KernelError(what, errno.EROFS)
        # SQLite has many words for a full disk, "disk I/O error" among them.
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and self._is_full()):
            return KernelError(what, errno.ENOSPC)
        hint = "move it away to begin without objects" if code == sqlite3.SQLITE_NOTADB else ""
        return StateError(f"{what}: {error}", hint=hint)

    def _is_full(self) -> bool:
        return not os.statvfs(os.path.dirname(self.path)).f_bavail
