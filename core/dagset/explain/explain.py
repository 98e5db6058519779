"""From a compiled node to its explanation."""

from dagset import constants
from dagset.compile import Bundle
from dagset.errors import InvalidNode
from dagset.explain.ends import end_rules, restarts_of_spec
from dagset.explain.facts import EndRule, Explanation, Limit, Runs, VerdictRow
from dagset.explain.limits import time_limits
from dagset.explain.made import coordinator_of, kept_of, parts_of, roles_of, success_of
from dagset.model import DagNode
from dagset.model.advice import advice
from dagset.observe import REASONS, spec
from dagset.run.limits import limits_of

__all__ = ["explain"]

# Ends that every node may come to, whatever its words: its pods cannot start or be made, or it is taken away.
ALWAYS = ("image_pull", "config_error", "unschedulable", "refused", "vanished", "expired", "cancelled")
BY_JOBSET = "the JobSet controller: all pods of the node at once, as soon as the old ones are gone"
# Source of the waits: kubernetes/kubernetes: pkg/controller/job/backoff_utils.go; ours: local/controllers/backoff.py.
BY_JOB = (
    "the Job controller: the failed index alone, after 10 s, then 20 s, 40 s ... at most 10 min "
    "(local cluster: 0.2 s to 5 s)"
)


def explain(node: DagNode, bundle: Bundle, *, retries: int = 0) -> Explanation:
    """Return what becomes of `node`, which was compiled to `bundle`.

    Args:
        node: its words: what no object holds (`keep`), and advice about them.
        bundle: what is sent; its rules are tried out, patches included.
        retries: how many more nodes an engine makes of it, from 0.

    Raises:
        InvalidNode: a patch has left the object in a form in which its rules cannot be read.
    """
    try:
        return _explained(node, bundle, retries=retries)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        problem = f"what the patches make of the {bundle.kind} cannot be read ({type(error).__name__}: {error})"
        raise InvalidNode(
            problem, field="object_patch", remedy="`dagset check` says what the API server finds"
        ) from error


def _explained(node: DagNode, bundle: Bundle, *, retries: int) -> Explanation:
    owner, followed = bundle.owner, constants.LIMITS in bundle.owner["metadata"]["annotations"]
    free = limits_of(owner).max_disruptions
    ends, limits = end_rules(owner, free=free), time_limits(owner)
    return Explanation(
        name=bundle.name,
        kind=bundle.kind,
        coupling=node.coupling or "",
        pods=spec.pods_asked(owner),
        queue=spec.queue_name(owner),
        followed=followed,
        roles=roles_of(owner),
        parts=parts_of(bundle),
        coordinator=coordinator_of(owner),
        success=success_of(owner),
        runs=_runs(ends, bundle, free=free, retries=retries),
        ends=ends,
        limits=limits,
        kept=kept_of(bundle, keep=node.keep, followed=followed),
        verdicts=_verdicts(ends, limits),
        advice=advice(node),
    )


def _runs(ends: tuple[EndRule, ...], bundle: Bundle, *, free: int | None, retries: int) -> Runs:
    again = [rule for rule in ends if rule.then in ("all start again", "index starts again")]
    restarts = restarts_of_spec(bundle.owner) if any(rule.counts for rule in again) else 0
    # The follower ends the node when one more than it allows has begun.
    begun = 0 if all(rule.counts for rule in again) else None if free is None else free + 1
    at_most = None if begun is None else 1 + restarts + begun
    return Runs(
        restarts=restarts,
        free=begun,
        at_most=at_most,
        retries=retries,
        with_retries=None if at_most is None else at_most * (retries + 1),
        again_by="" if not again else BY_JOBSET if bundle.kind == "JobSet" else BY_JOB,
    )


def _verdicts(ends: tuple[EndRule, ...], limits: tuple[Limit, ...]) -> tuple[VerdictRow, ...]:
    """Return the rows of the verdict table that this node can come to."""
    reached = {"succeeded", *ALWAYS, *(rule.reason for rule in ends)}
    reached |= {reason for limit in limits if limit.seconds is not None for reason in REASONS if reason in limit.then}
    rows = ((reason, row) for reason, row in REASONS.items() if reason in reached)
    return tuple(VerdictRow(reason, row.airflow, row.snakemake, row.exit_code) for reason, row in rows)
