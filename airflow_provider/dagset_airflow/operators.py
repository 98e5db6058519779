"""Tasks of many pods: each word of dagset's model is an argument, templated and mappable."""

import contextvars
import math
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowException, AirflowTaskTimeout, BaseOperator, Context, conf

from dagset.cluster.protocol import Cluster
from dagset.compile import compile_node
from dagset.model import DagNode, Identity, Ref
from dagset.observe import Observation, Outcome, Phase, judge
from dagset.run.connect import describe
from dagset.run.follow import Stop, Stopped, follow
from dagset.run.logs import LogStream
from dagset.run.release import cancel, settle
from dagset.run.submit import submit
from dagset_airflow.announcing import announced
from dagset_airflow.clusters import CLUSTER_WORDS, opened
from dagset_airflow.endings import errors_as_airflows, told_to_airflow
from dagset_airflow.words import WORDS, hints, node_of, takes_words

__all__ = ["IndexedJobOperator", "JobSetOperator"]

PACE_S = 10.0


class _NodeOperator(BaseOperator):
    """Runs one node to its end; see `JobSetOperator`."""

    coupling_of_all: ClassVar[str]

    template_fields: Sequence[str] = ("node", *WORDS, *CLUSTER_WORDS)
    template_ext: Sequence[str] = ()  # else a command that ends in .yaml would be read as a file
    template_fields_renderers: ClassVar[dict[str, str]] = {"node": "json", "roles": "json", "env": "json"}
    ui_color = "#dcecf5"

    _stop: Stop | None = None

    @takes_words
    def __init__(
        self,
        *,
        node: DagNode | dict[str, Any] | str | Path | None = None,
        cluster: str | None = None,
        kubernetes_conn_id: str | None = None,
        config_file: str | None = None,
        in_cluster: bool | None = None,
        cluster_context: str | None = None,
        namespace: str | None = None,
        skip_on_exit_code: int | Collection[int] | None = None,
        **given: Any,
    ) -> None:
        words = {word: given.pop(word, None) for word in WORDS}
        try:
            super().__init__(**given)
        except TypeError as error:  # Airflow names the arguments that nobody knows
            error.add_note(hints(name for name in given if f"'{name}'" in str(error)))
            raise
        self.node = node
        self.cluster, self.kubernetes_conn_id, self.config_file = cluster, kubernetes_conn_id, config_file
        self.in_cluster, self.cluster_context, self.namespace = in_cluster, cluster_context, namespace
        self.skip_on_exit_code = skip_on_exit_code
        for word, value in words.items():
            setattr(self, word, value)

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the node to its end and return its Outcome for XCom; any other end than success raises."""
        self._stop = Stop()
        with errors_as_airflows():
            node = self._node(context)
            with opened(**{word: getattr(self, word) for word in CLUSTER_WORDS}) as cluster:
                self.log.info("%s", describe(cluster))
                outcome = self._run(context, node, cluster=cluster)
        if self._stop.is_set():
            raise AirflowException("killed; the node had ended before")
        codes = self.skip_on_exit_code
        return told_to_airflow(outcome, skip_on=(codes,) if isinstance(codes, int) else codes or ())

    def on_kill(self) -> None:
        """Have `execute` cancel the node and raise: Airflow goes on with it after this (task-sdk: `_on_term`)."""
        if self._stop is not None:
            self._stop.set()

    def _node(self, context: Context) -> DagNode:
        return node_of(
            self.node,
            {word: value for word in WORDS if (value := getattr(self, word)) is not None},
            task_id=self.task_id,
            coupling=self.coupling_of_all,
            folder=Path(self.dag.folder),
            render=partial(self.render_template, context=context, jinja_env=self.get_template_env()),
        )

    def _run(self, context: Context, node: DagNode, *, cluster: Cluster) -> Outcome:
        identity = _identity(context["ti"])
        submitted = submit(node, identity, cluster=cluster, on_conflict="attach", tell=self.log.warning)
        ref = submitted.ref
        self.log.info("%s %s", ref, "is running already: following it" if submitted.attached else "created")
        announced(self, context, ref, compile_node(node, identity.with_generation(submitted.generation)))
        outcome = self._follow(ref, cluster=cluster)
        self.log.info("%s: %s", outcome.phase, outcome.message)
        keep = node.keep or "failed"
        kept = settle(ref, outcome, keep=keep, cluster=cluster, on_trouble=self.log.warning)
        if kept is not None:
            self.log.info("%s %s (keep: %s)", ref, "is kept until its ttl" if kept else "deleted", keep)
        return outcome

    def _follow(self, ref: Ref, *, cluster: Cluster) -> Outcome:
        """Follow with all lines; when killed or timed out, cancel."""
        # Airflow's log knows its task by context variables, which the threads that read pods do not have.
        logs = LogStream(cluster, ref=ref, sink=partial(contextvars.copy_context().run, self.log.info, "%s %s"))
        tell, warn = _paced(partial(self.log.info, "%s: %s")), self.log.warning
        try:
            return follow(ref, cluster=cluster, on_change=tell, on_trouble=warn, logs=logs, stop=self._stop)
        except (Stopped, AirflowTaskTimeout) as why:
            warn("cancelling %s: deleting it and its pods", ref)
            cancel(ref, cluster=cluster, on_wait=self.log.info)
            warn("%s is gone", ref)
            if isinstance(why, Stopped):
                raise AirflowException(f"killed: {ref} was cancelled and is gone") from None
            raise
        finally:
            for prefix, reason in logs.finish().items():
                warn("lines of %s are missing: %s", prefix, reason)


class JobSetOperator(_NodeOperator):
    """A task whose pods need each other: roles of a JobSet, one failing fails (or restarts) all.

    Args:
        node: a DagNode, a mapping of its words, or the path of a node file (relative to the DAG file).
        cluster: `local`, `in-cluster`, or a kubeconfig as `path#context`; default $DAGSET_CLUSTER, then local.
        kubernetes_conn_id: a connection whose extra has kube_config, kube_config_path or in_cluster; with none of them
            the cluster that the worker is a pod of.
        config_file: the path of a kubeconfig.
        in_cluster: whether the cluster that the worker is a pod of is meant; default the connection's word.
        cluster_context: which of its contexts; default its current one.
        namespace: default the context's.
        skip_on_exit_code: exit codes of a pod that end the task as skipped.
        given: the words of the node, over those of `node`, and Airflow's own arguments.
    """

    coupling_of_all = "gang"


class IndexedJobOperator(_NodeOperator):
    """A task of independent indexes, or of one pod: an Indexed Job. Arguments as for `JobSetOperator`."""

    coupling_of_all = "array"


def _paced(tell: Callable[[str, str], None]) -> Callable[[Observation, Phase], None]:
    """Return what tells of a phase when it begins, and of its counts every 10 s at most; the end is told elsewhere."""
    name, told_at = "", -math.inf

    def look(seen: Observation, phase: Phase) -> None:
        nonlocal name, told_at
        now = time.monotonic()
        if judge(seen) is None and (phase.name != name or now - told_at >= PACE_S):
            name, told_at = phase.name, now
            tell(phase.name, phase.detail)

    return look


def _identity(ti: Any) -> Identity:
    """Return whose node a task instance runs: the same in every try, which so finds what an earlier one left."""
    installation = conf.get("dagset", "installation", fallback=None) or conf.get("api", "base_url", fallback=None)
    map_index = -1 if ti.map_index is None else ti.map_index
    return Identity(
        owner=f"airflow:{installation or ''}", dag=ti.dag_id, run=ti.run_id, task=ti.task_id, map_index=map_index
    )
