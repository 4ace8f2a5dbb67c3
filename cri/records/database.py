"""The records on disk: a row for each sandbox and container, its configuration as CRI sent it and its facts as JSON.

One writer, this process. In WAL mode with `synchronous = NORMAL` a row that was written survives the end of the
process, however it ends; the last ones may be lost with the power, when nothing that they speak of runs any more.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from firkin.cri import faults
from firkin.errors import AlreadyExistsError, StateError

__all__ = ["Database", "Row"]

# Each step takes the schema from its number to the next.
_STEPS = (
    """
    CREATE TABLE records (id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, config BLOB NOT NULL,
                          facts TEXT NOT NULL, UNIQUE (kind, name)) STRICT, WITHOUT ROWID;
    """,
)


class Row(NamedTuple):
    """A record: `kind` is sandbox or container, `name` unique among its kind, `config` a message of CRI."""

    id: str
    kind: str
    name: str
    config: bytes
    facts: str


class Database:
    """The database at `path`, made if it is missing.

    Raises StateError if it was written by a later version, is no database, or another process holds it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._db = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            os.chmod(path, 0o600)
            # A second daemon on the same directory must fail, not take turns.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._migrate()
        except sqlite3.DatabaseError as error:
            self._db.close()
            hint = "another firkin uses it" if "locked" in str(error) else ""
            raise StateError(f"open {path}: {error}", hint=hint) from error
        except BaseException:
            self._db.close()
            raise

    def _migrate(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(_STEPS):
            raise StateError(f"{self.path}: is of schema {version}, this version knows {len(_STEPS)}")
        self._db.execute("BEGIN EXCLUSIVE")
        for number, step in enumerate(_STEPS[version:], version + 1):
            self._db.execute(step)
            self._db.execute(f"PRAGMA user_version = {number}")
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def check(self) -> None:
        """Read something. Raises StateError if that is not possible any more."""
        try:
            self._db.execute("SELECT 1 FROM records LIMIT 1").fetchone()
        except sqlite3.Error as error:
            raise StateError(f"read {self.path}: {error}") from error

    def rows(self, kind: str) -> Iterator[Row]:
        """All records of a kind."""
        yield from map(Row._make, self._db.execute("SELECT * FROM records WHERE kind = ? ORDER BY id", (kind,)))

    def put(self, row: Row) -> None:
        """Write a record.

        Raises AlreadyExistsError if another one has its name, StateError if it can not be written (a full disk).
        """
        faults.reach("record-before")
        try:
            self._execute(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET config = excluded.config, facts = excluded.facts",
                row,
            )
        except StateError as error:
            if isinstance(error.__cause__, sqlite3.IntegrityError):
                raise AlreadyExistsError(f"{row.kind} {row.name}: there is a record of this name") from error
            raise
        faults.reach("record-after")

    def delete(self, id: str) -> None:
        """Forget a record, which may be gone."""
        faults.reach("forget-before")
        self._execute("DELETE FROM records WHERE id = ?", (id,))
        faults.reach("forget-after")

    def _execute(self, statement: str, values: tuple[object, ...]) -> None:
        try:
            self._db.execute(statement, values)
        except sqlite3.DatabaseError as error:
            raise StateError(f"write {self.path}: {error}") from error
