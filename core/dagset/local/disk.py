"""One SQLite file that holds every object of the local cluster."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dagset.local.errors import DiskRefused
from dagset.local.objects import Object

__all__ = ["Disk"]

# WAL with synchronous=NORMAL: a commit survives a killed process; only a power cut may lose the last ones.
_SET_UP = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS objects (
    kind TEXT, namespace TEXT, name TEXT, body BLOB NOT NULL, PRIMARY KEY (kind, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO counters VALUES ('version', 1);
"""


class Disk:
    """The file, one transaction per change. The version counter is in the same transaction, so it never goes back."""

    def __init__(self, path: Path) -> None:
        try:
            self._connection = sqlite3.connect(path, isolation_level=None)
            self._connection.executescript(_SET_UP)
        except sqlite3.OperationalError as error:
            raise DiskRefused(f"{path}: {error}") from error

    def close(self) -> None:
        """Fold the log into the file and let go of it."""
        self._connection.close()

    def version(self) -> int:
        """Give the version of the last committed change."""
        (version,) = self._connection.execute("SELECT value FROM counters WHERE name = 'version'").fetchone()
        return int(version)

    def load(self) -> Iterator[tuple[str, Object]]:
        """Give every object with its kind."""
        for kind, body in self._connection.execute("SELECT kind, body FROM objects"):
            yield kind, msgspec.json.decode(body)

    def put(self, kind: str, *, key: tuple[str, str], body: bytes, version: int) -> None:
        """Commit an object, new or changed."""
        self._commit("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", (kind, *key, body), version=version)

    def drop(self, kind: str, *, key: tuple[str, str], version: int) -> None:
        """Commit that an object is gone."""
        self._commit("DELETE FROM objects WHERE kind = ? AND namespace = ? AND name = ?", (kind, *key), version=version)

    def _commit(self, statement: str, values: tuple[object, ...], *, version: int) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(statement, values)
            self._connection.execute("UPDATE counters SET value = ? WHERE name = 'version'", (version,))
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise DiskRefused(
                f"the state directory of the local cluster cannot be written: {error}; make room"
            ) from error
        finally:
            if self._connection.in_transaction:  # SQLite ends it by itself for some errors only
                self._connection.execute("ROLLBACK")
