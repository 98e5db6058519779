"""What a task of many pods raises, one class for each reason of `dagset.observe`; for `retry_policy` and callbacks.

DagsetNodeError(AirflowException)
├── AppError, OomKilled, FailedIndexes          a program failed: Airflow retries
├── Disrupted, Unschedulable, QueueTimeout, Vanished   the cluster was to blame: Airflow retries
└── also AirflowFailException: no retry, and a retry_policy is not asked
    FailedFast, DeadlineExceeded, CannotStart (ImagePull, ConfigError), Refused, Expired, Cancelled
"""

from typing import Any

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

__all__ = [
    "BY_REASON",
    "DagsetNodeError",
    "AppError",
    "FailedFast",
    "OomKilled",
    "FailedIndexes",
    "DeadlineExceeded",
    "Disrupted",
    "CannotStart",
    "ImagePull",
    "ConfigError",
    "Unschedulable",
    "QueueTimeout",
    "Refused",
    "Vanished",
    "Expired",
    "Cancelled",
]


class DagsetNodeError(AirflowException):
    """A node that did not succeed. `outcome` is its Outcome as plain JSON values: `error.outcome["exit_code"]`."""

    def __init__(self, message: str = "", *, outcome: dict[str, Any] | None = None) -> None:
        """Keep the Outcome; the message is for people."""
        super().__init__(message)
        self.outcome = outcome or {}

    def serialize(self) -> tuple[str, tuple[str], dict[str, Any]]:
        """Return class path and arguments: Airflow makes the same error of them again (task-sdk: exceptions.py)."""
        cls = type(self)
        return f"{cls.__module__}.{cls.__name__}", (str(self),), {"outcome": self.outcome}


class AppError(DagsetNodeError):
    """`app_error`: a pod ended non-zero."""


class FailedFast(DagsetNodeError, AirflowFailException):
    """`failed_fast`: with an exit code after which nothing is to run again."""


class OomKilled(DagsetNodeError):
    """`oom_killed`: a container hit its memory limit."""


class FailedIndexes(DagsetNodeError):
    """`failed_indexes`: of an array; `outcome["failed_indexes"]` names them, as in `2,5-7`."""


class DeadlineExceeded(DagsetNodeError, AirflowFailException):
    """`deadline_exceeded`: the node's `deadline` passed."""


class Disrupted(DagsetNodeError):
    """`disrupted`: drain, preemption, eviction, or a host that was lost."""


class CannotStart(DagsetNodeError, AirflowFailException):
    """The pods cannot start as they are described."""


class ImagePull(CannotStart):
    """`image_pull`: the image is not to be had."""


class ConfigError(CannotStart):
    """`config_error`: a command, Secret, ConfigMap or volume is not there."""


class Unschedulable(DagsetNodeError):
    """`unschedulable`: no room for longer than `start_timeout`."""


class QueueTimeout(DagsetNodeError):
    """`queue_timeout`: not admitted by its queue in time."""


class Refused(DagsetNodeError, AirflowFailException):
    """`refused`: admission, quota or rights kept the pods from being made."""


class Vanished(DagsetNodeError):
    """`vanished`: somebody deleted the node while it ran."""


class Expired(DagsetNodeError, AirflowFailException):
    """`expired`: gone before anybody read its end; it may have succeeded."""


class Cancelled(DagsetNodeError, AirflowFailException):
    """`cancelled`: somebody asked dagset to delete it."""


BY_REASON: dict[str, type[DagsetNodeError]] = {
    "app_error": AppError,
    "failed_fast": FailedFast,
    "oom_killed": OomKilled,
    "failed_indexes": FailedIndexes,
    "deadline_exceeded": DeadlineExceeded,
    "disrupted": Disrupted,
    "image_pull": ImagePull,
    "config_error": ConfigError,
    "unschedulable": Unschedulable,
    "queue_timeout": QueueTimeout,
    "refused": Refused,
    "vanished": Vanished,
    "expired": Expired,
    "cancelled": Cancelled,
}
