"""Hera templates of dagset: one Argo step, many pods."""

from dagset_hera.cleanup import cleanup
from dagset_hera.conditions import RETRY_EXPRESSION
from dagset_hera.resource import JobSetResource
from dagset_hera.task import JobSetTask

__all__ = ["JobSetResource", "JobSetTask", "RETRY_EXPRESSION", "cleanup"]
