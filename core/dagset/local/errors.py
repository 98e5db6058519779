"""What the local cluster's store and client raise."""

from dagset.errors import ClusterUnreachable

__all__ = ["AlreadyExists", "Conflict", "DiskRefused", "Expired", "LocalClusterFailed", "NotFound", "StoreError"]


class StoreError(Exception):
    """The store did not do what was asked; nothing was changed. The text is one sentence for people."""

    def __init__(self, message: str, *, kind: str = "", name: str = "") -> None:
        """Keep which object it is about, "" when it is about none."""
        super().__init__(message)
        self.kind, self.name = kind, name


class NotFound(StoreError):
    """No object of that kind, namespace and name."""


class Conflict(StoreError):
    """The object is not as the caller believed: another version, another uid."""


class AlreadyExists(Conflict):
    """An object of that kind, namespace and name is there already."""


class Expired(StoreError):
    """The history asked for is no longer (or not yet) known: list again and watch from there."""


class DiskRefused(StoreError):
    """What was to be written is not stored; the same may work later, when there is room."""


class LocalClusterFailed(ClusterUnreachable):
    """The local cluster could not be started, reached or stopped; the text names the log file and what to do."""
