"""What can go wrong on our side, one class per thing a caller can do about it. A failed node is an Outcome, no error.

DagsetError
├── InvalidNode            mend the node's description
├── NotOurs                an object of that name is somebody else's: choose another name
├── Conflict               the same node with another spec is still running: wait, cancel, or rename
├── ClusterRefused         mend rights, quota or the object; has `status` and `reason`
│   ├── NotFound           404
│   │   └── UnknownKind    404 for the kind itself: its API is not installed
│   ├── AlreadyExists      409 on create
│   └── Gone               410: the watched history is no longer kept, list again
└── ClusterUnreachable     try again; has `retry_after_s`
"""

__all__ = [
    "DagsetError",
    "InvalidNode",
    "NotOurs",
    "Conflict",
    "ClusterRefused",
    "NotFound",
    "UnknownKind",
    "AlreadyExists",
    "Gone",
    "ClusterUnreachable",
]


class DagsetError(Exception):
    """Base of everything that dagset raises on purpose."""


class InvalidNode(DagsetError, ValueError):
    """A node that cannot be meant: names the field, the problem with its value, and the remedy."""

    def __init__(self, problem: str, *, field: str = "", remedy: str = "", source: str = "") -> None:
        """Keep the parts, so that a caller further out can say more about where (see `at` and `read_from`)."""
        super().__init__(problem)
        self.problem, self.field, self.remedy, self.source = problem, field, remedy, source

    def at(self, prefix: str) -> "InvalidNode":
        """Return the same error for a field that lies inside `prefix`, as in `roles[0]` + `pods`."""
        field = f"{prefix}.{self.field}" if self.field else prefix
        return InvalidNode(self.problem, field=field, remedy=self.remedy, source=self.source)

    def read_from(self, source: str) -> "InvalidNode":
        """Return the same error, naming the file it was found in."""
        return InvalidNode(self.problem, field=self.field, remedy=self.remedy, source=source)

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.source, self.field) if part)
        text = f"{where}: {self.problem}" if where else self.problem
        return f"{text}; {self.remedy}" if self.remedy else text


class NotOurs(DagsetError):
    """An object of that name exists and carries no identity, or another one."""


class Conflict(DagsetError):
    """The same node is still running with another spec."""


class ClusterRefused(DagsetError):
    """The API server's answer was no; repeating it does not help. The message keeps the server's words."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "") -> None:
        """Keep the HTTP status and the machine-readable reason of the Status object, "" when there was none."""
        super().__init__(message)
        self.status, self.reason = status, reason


class NotFound(ClusterRefused):
    """404."""


class UnknownKind(NotFound):
    """404 for the kind itself: its API is not installed, or not in this version."""


class AlreadyExists(ClusterRefused):
    """409 on create: an object of that name is there, perhaps one that is being deleted."""


class Gone(ClusterRefused):
    """410: the resource version is older than the history the server keeps."""


class ClusterUnreachable(DagsetError):
    """No answer, or weather (429, 5xx): the same request may work later."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        """Keep how long the server asked us to wait, None when it did not."""
        super().__init__(message)
        self.retry_after_s = retry_after_s
