"""What a task tells of its node once it is in the cluster."""

from airflow.providers.common.compat.sdk import BaseOperator, Context

from dagset.compile import Bundle
from dagset.model import Ref

__all__ = ["announced"]


def announced(operator: BaseOperator, context: Context, ref: Ref, bundle: Bundle) -> None:
    """Tell of a node that was submitted, or found; called once in each try, before it is followed."""
