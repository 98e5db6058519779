"""Hera templates of dagset: one Argo step, many pods."""

from dagset_hera.conditions import RETRY_EXPRESSION
from dagset_hera.resource import JobSetResource

__all__ = ["JobSetResource", "RETRY_EXPRESSION"]
