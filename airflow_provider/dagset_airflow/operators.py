"""Tasks of many pods: each word of dagset's model is an argument, templated and mappable."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import msgspec
from airflow.providers.common.compat.sdk import (
    XCOM_RETURN_KEY,
    AirflowException,
    AirflowTaskTimeout,
    BaseOperator,
    Context,
    conf,
)

from dagset.model import DagNode
from dagset_airflow.later import Later
from dagset_airflow.links import configured
from dagset_airflow.objects import plain_value
from dagset_airflow.words import CLUSTER_WORDS, WORDS, hints, node_of, takes_words

if TYPE_CHECKING:
    from airflow.triggers.base import StartTriggerArgs

    from dagset_airflow import running
    from dagset_airflow.running import Cluster, Leg, Outcome, Ref, Results
else:
    running = Later("dagset_airflow.running")

__all__ = ["IndexedJobOperator", "JobSetOperator", "NodeOperator"]

TELLING_S = 10.0  # up to 1.1 s after the interval was seen on an idle machine (LocalExecutor), 3.3 s on a loaded one
LATER_S = 120.0  # Airflow's own deadline of a deferral, behind ours, which tells more and cancels the node
# What the scheduler has a task resume with when its trigger is no more (task-sdk: bases/operator.py).
TRIGGER_FAILED, TRIGGER_TIMED_OUT = "__fail__", "Trigger timeout"


class NodeOperator(BaseOperator):
    """Runs one node to its end; see `JobSetOperator`."""

    coupling_of_all: ClassVar[str]
    outcome_key: ClassVar[str] = XCOM_RETURN_KEY

    template_fields: Sequence[str] = ("node", *WORDS, *CLUSTER_WORDS)
    template_ext: Sequence[str] = ()  # else a command that ends in .yaml would be read as a file
    template_fields_renderers: ClassVar[dict[str, str]] = {"node": "json", "roles": "json", "env": "json"}
    operator_extra_links = configured()
    ui_color = "#dcecf5"

    _leg: Leg | None = None

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
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        defer_after_s: float = 3.0,
        event_after_s: float | None = None,
        start_from_trigger: bool = False,
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
        self.deferrable, self.defer_after_s, self.event_after_s = deferrable, defer_after_s, event_after_s
        for word, value in words.items():
            setattr(self, word, value)
        if start_from_trigger:
            self.start_from_trigger, self.start_trigger_args = True, self._without_worker(words)

    def execute(self, context: Context) -> Any:
        """Run the node to its end and return its Outcome for XCom; any other end than success raises."""
        with self._a_leg() as (leg, cluster):
            node = self._node(context)
            self.log.info("%s", running.describe(cluster))
            with leg.stopping() as stop:
                found = running.launched(
                    node, context["ti"], retries=self.retries or 0, cluster=cluster, log=self.log, stop=stop
                )
            running.announced(self, context, found.ref, found.bundle)
            keep = node.keep or "failed"
            if self.deferrable and not self._ends_early(found.ref, leg, cluster):
                self._defer(context, found.ref, leg, cluster, keep=keep)
            if not self.deferrable:  # else its trigger does
                running.swept_by_worker(context["ti"], found.ref, cluster=cluster, log=self.log)
            with leg.stopping() as stop:
                note = running.noted(context, found.ref)
                outcome = running.followed(found.ref, cluster=cluster, log=self.log, stop=stop, on_phase=note)
            return self._ended(context, found.ref, outcome, cluster, keep=keep)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Tell what the trigger has seen; what it could not follow is followed from here."""
        if "ref" not in event:
            self.log.warning("the triggerer cannot begin, so this worker does: %s", event["trouble"])
            return self.execute(context)
        ref = msgspec.convert(event["ref"], running.Ref)
        running.linked(self, ref, context)
        if "timed_out" in event:
            raise AirflowTaskTimeout(f"execution_timeout is over: {ref} was cancelled and is gone")
        with self._a_leg() as (leg, cluster):
            if "outcome" in event:
                outcome = running.outcome_of(event["outcome"])
            else:
                self.log.warning("the triggerer cannot follow %s, so this worker does: %s", ref, event["trouble"])
                until = self._until(context)
                with leg.stopping(after_s=None if until is None else until - time.time()) as stop:
                    outcome = running.followed(
                        ref, cluster=cluster, log=self.log, stop=stop, on_phase=running.noted(context, ref)
                    )
            return self._ended(context, ref, outcome, cluster, keep=event["keep"])

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Look after the node when its trigger is no more, for Airflow asks nobody else.

        After Airflow's own timeout it is cancelled; when the trigger has failed it is followed from here.
        """
        if next_method != TRIGGER_FAILED:
            return super().resume_execution(next_method, next_kwargs, context)
        with self._a_leg() as (_leg, cluster):
            ref = running.left_running(context["ti"], retries=self.retries or 0, cluster=cluster)
            if ref is not None and (next_kwargs or {}).get("error") == TRIGGER_TIMED_OUT:
                running.cancelled(ref, cluster=cluster, log=self.log)
            elif ref is not None:
                keep = self._node(context).keep or "failed"
                event = {"ref": msgspec.to_builtins(ref), "keep": keep, "trouble": "its trigger has failed"}
                return self.execute_complete(context, event)
        return super().resume_execution(next_method, next_kwargs, context)

    def on_kill(self) -> None:
        """Have the node cancelled and the task raise: Airflow goes on with it after this (task-sdk: `_on_term`)."""
        if self._leg is not None:
            self._leg.kill()

    @contextlib.contextmanager
    def _a_leg(self) -> Iterator[tuple[Leg, Cluster]]:
        leg = self._leg = running.Leg()
        with (
            running.errors_as_airflows(),
            running.opened(**{word: getattr(self, word) for word in CLUSTER_WORDS}) as cluster,
        ):
            try:
                yield leg, cluster
            except running.Stopped as why:
                if leg.is_killed:
                    raise AirflowException(f"killed: {why}") from None
                raise AirflowTaskTimeout(f"execution_timeout is over: {why}") from None

    def _do_render_template_fields(
        self, parent: Any, template_fields: Iterable[str], *more: Any, **others: Any
    ) -> None:
        """Render templates also in objects of a kubernetes client; of a mapped task this is all that Airflow calls."""
        fields = list(template_fields)
        for name in fields if parent is self else ():
            setattr(self, name, plain_value(getattr(self, name)))
        super()._do_render_template_fields(parent, fields, *more, **others)

    def _words(self) -> dict[str, Any]:
        """Return the words that were given as arguments."""
        return {word: value for word in WORDS if (value := getattr(self, word)) is not None}

    def _node(self, context: Context) -> DagNode:
        return node_of(
            self.node,
            self._words(),
            task_id=self.task_id,
            coupling=self.coupling_of_all,
            folder=Path(self.dag.folder),
            render=partial(self.render_template, context=context, jinja_env=self.get_template_env()),
        )

    def _without_worker(self, words: dict[str, Any]) -> StartTriggerArgs:
        """Return what the scheduler gives to the triggerer; Airflow renders those that are template fields there."""
        from airflow.triggers.base import StartTriggerArgs

        given = {"node": self.node, **words, **{word: getattr(self, word) for word in CLUSTER_WORDS}}
        kwargs = {word: msgspec.to_builtins(plain_value(value)) for word, value in given.items() if value is not None}
        return StartTriggerArgs(
            trigger_cls="dagset_airflow.whole.WholeNodeTrigger",
            trigger_kwargs=kwargs | {"coupling": self.coupling_of_all},
            next_method="execute_complete",
        )

    def _ends_early(self, ref: Ref, leg: Leg, cluster: Cluster) -> bool:
        """Say whether the node ends at once: Airflow may fail a task that comes back soon after it was deferred."""
        with leg.stopping(after_s=self.defer_after_s) as stop:
            try:
                is_left = lambda: not leg.is_killed  # noqa: E731
                running.followed(ref, cluster=cluster, log=self.log, stop=stop, is_left=is_left, with_lines=False)
            except running.Stopped:
                if leg.is_killed:
                    raise
                return False
        return True

    def _defer(self, context: Context, ref: Ref, leg: Leg, cluster: Cluster, *, keep: str) -> NoReturn:
        now, until = time.time(), self._until(context)
        where = {word: value for word in CLUSTER_WORDS if (value := getattr(self, word)) is not None}
        trigger = running.NodeTrigger(
            ref=msgspec.to_builtins(ref),
            where=where | {"namespace": ref.namespace},
            keep=keep,
            until=until,
            not_before=now + self._held_back_s(),
        )
        leg.parts(partial(running.cancelled, ref, cluster=cluster, log=self.log))
        if leg.is_killed:
            raise running.Stopped(f"{ref} was cancelled and is gone")
        self.log.info("%s is followed by the triggerer from here", ref)
        running.noted(context, ref)("deferred", "")
        timeout = None if until is None else timedelta(seconds=max(0.0, until - now) + LATER_S)
        self.defer(trigger=trigger, method_name="execute_complete", timeout=timeout)

    def _held_back_s(self) -> float:
        """Return how long the scheduler may believe that the worker's process runs (task-sdk: supervisor.py)."""
        if self.event_after_s is not None:
            return self.event_after_s
        return float(conf.getfloat("workers", "min_heartbeat_interval", fallback=5.0)) + TELLING_S

    def _until(self, context: Context) -> float | None:
        """Return when `execution_timeout` is over, counted from the start of the try, which deferrals do not change."""
        if self.execution_timeout is None:
            return None
        start = float(context["ti"].start_date.timestamp())
        return start + float(self.execution_timeout.total_seconds())

    def _ended(self, context: Context, ref: Ref, outcome: Outcome, cluster: Cluster, *, keep: str) -> Any:
        self.log.info("%s: %s", outcome.phase, outcome.message)
        running.noted(context, ref)(outcome.phase, outcome.message)
        results = running.left_by(ref, outcome, cluster=cluster, log=self.log) if self.do_xcom_push else []
        running.settled(ref, outcome, keep=keep, cluster=cluster, log=self.log)
        if self._leg is not None and self._leg.is_killed:
            raise AirflowException("killed; the node had ended before")
        if self.do_xcom_push:
            running.handed_on(context, outcome, results, key=self.outcome_key)
        codes = self.skip_on_exit_code
        told = running.told_to_airflow(outcome, skip_on=(codes,) if isinstance(codes, int) else codes or ())
        return self._returned(told, results)

    def _returned(self, outcome: dict[str, Any], _results: Results) -> Any:
        """Return what a success gives to the tasks after it."""
        return outcome


class JobSetOperator(NodeOperator):
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
        deferrable: whether the triggerer follows the node, and no worker waits; default [operators] default_deferrable.
        defer_after_s: seconds that the worker waits before it defers; what ends meanwhile is not deferred.
        event_after_s: seconds from the deferral before which the triggerer does not give the task back; default ten
            more than [workers] min_heartbeat_interval. Airflow may fail a task that comes back before its scheduler
            has heard of the end of the worker's process; more is needed where logs are sent away slowly.
        start_from_trigger: whether the triggerer submits the node, too, and no worker takes part in a success: no asset
            events, listeners and results then, and no pod tells of a success to a callback on a worker. What needs the
            DAG's files, a mapped task and a failure go to a worker all the same.
        given: the words of the node, over those of `node`, and Airflow's own arguments.
    """

    coupling_of_all = "gang"


class IndexedJobOperator(NodeOperator):
    """A task of independent indexes, or of one pod: an Indexed Job. Arguments as for `JobSetOperator`."""

    coupling_of_all = "array"
