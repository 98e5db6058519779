"""`dagset run`: submit or attach, show progress and lines, say how it ended, exit with its code."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from dagset.cli.find import first_sight, ref_to
from dagset.cli.import_sbatch import node_of
from dagset.cli.interrupt import cancel_node, interruptible, undo_submit
from dagset.cli.options import bundle_of, connect, in_cluster, json_lines_or_text, node_argument, node_identity, quiet
from dagset.cli.progress import summary
from dagset.cli.screen import Screen
from dagset.cli.showing import Form, Show, form_of, plain_option, showing
from dagset.cli.submit import how_submitted, tell_of_queue

if TYPE_CHECKING:
    from dagset.cluster.protocol import Cluster
    from dagset.model import DagNode, Identity, Ref
    from dagset.observe import Outcome
    from dagset.run.logs import LogStream
    from dagset.run.submit import Submitted

__all__ = ["run"]

EXIT_CANCELLED = 120


@click.command(short_help="Run NODE to its end, with its lines; attach if it is running already.")
@node_argument
@in_cluster
@json_lines_or_text
@click.option(
    "--keep", type=click.Choice(["never", "failed", "always"]), help="What stays (default: the node's, always)."
)
@plain_option
@quiet
@click.pass_context
def run(
    ctx: click.Context,
    *,
    node: str,
    cluster: str | None,
    namespace: str | None,
    output: str,
    keep: str | None,
    plain: bool,
    quiet: bool,
) -> None:
    """Run NODE to its end and exit with its exit code; attaches if it is already running.

    NODE is a node file, or a batch script of Slurm (*.sbatch, *.slurm; see `dagset import sbatch`).

    Lines of pods go to stdout (with -o json or jsonl: to stderr), each behind its role and index; all else to stderr.
    Where stderr is a terminal, a picture of the node stands at its foot: phase and what is waited for, time, restarts,
    limits, and the pods that tell most with their last lines. Not so with --plain, or when stdout is a pipe.

    Ctrl-C and SIGTERM cancel the node: everything of it is deleted (exit 120). If this command is killed or loses its
    terminal, the node runs on and the next `dagset run` of the same file attaches to it.

    Each line of -o jsonl is an object with the keys event, at, kind, namespace, name, uid, phase, reason, message,
    role, index, attempt, pod, host, exit_code, outcome; what does not apply is null. The events: submitted, phase,
    pod_waiting, pod_running, pod_succeeded, pod_failed, restart, trouble, and last, once, end, with the Outcome.

    \b
    Exit codes:
      0    succeeded
      1    failed, and no pod's exit code was seen
      ...  failed: the first failed pod's own exit code (137: out of memory)
      2    NODE is not valid
      116  gone by its ttl before its end was read: it may have succeeded
      117  its pods cannot start: image, command, Secret, volume
      118  no host or no queue had room for it in time
      119  disrupted (drain, preemption, eviction) more often than allowed
      120  cancelled
      121  its deadline passed
      122  refused by the cluster, or it runs with another spec
      123  somebody deleted it
      125  no cluster answers

    \b
    Example:
      dagset run examples/iris/node.yaml
      dagset run node.yaml -o jsonl | jq -r 'select(.event == "pod_failed") | .pod'
    """
    loaded = node_of(node)
    identity = node_identity(node, task=loaded.name)
    bundle_of(node, loaded, identity)  # what cannot be compiled is refused before any cluster is asked
    screen = Screen(as_json=output != "text", quiet=quiet)
    with interruptible():
        opened = connect(cluster, namespace=namespace)
        tell_of_queue(loaded, cluster=cluster, tell=screen.say)
        form = form_of(output, plain=plain, quiet=quiet, writes_stdout=output == "text")
        task = _Task(screen, opened, form=form, with_lines=not quiet)
        ctx.exit(task.run(loaded, identity, keep=keep or loaded.keep or "always", as_json=output == "json"))


@dataclass(frozen=True, slots=True)
class _Task:
    """One `dagset run` in one cluster."""

    screen: Screen
    cluster: "Cluster"
    form: Form
    with_lines: bool

    def run(self, node: "DagNode", identity: "Identity", *, keep: str, as_json: bool) -> int:
        """Return the exit code."""
        import msgspec

        from dagset.observe import exit_code

        outcome, attached = self._outcome(node, identity)
        if outcome is None:
            return EXIT_CANCELLED
        elapsed_s = None if attached else self.screen.elapsed_s
        self.screen.say(summary(outcome, elapsed_s=elapsed_s, with_lines=not self.with_lines))
        if as_json:
            self.screen.result(msgspec.json.encode(outcome).decode())
        self._settle(outcome, keep=keep)
        return exit_code(outcome)

    def _outcome(self, node: "DagNode", identity: "Identity") -> "tuple[Outcome | None, bool]":
        """Return how it ended, and whether it had been running already; None when an interrupt came before it was."""
        try:
            submitted = self._submit(node, identity)
            return self._follow(submitted), submitted.attached
        except KeyboardInterrupt:  # also in the moment between the two, when the node runs and nobody follows yet
            outcome = undo_submit(identity, cluster=self.cluster, screen=self.screen)
            if outcome is not None:
                self._show(ref_to(outcome), {}).end(outcome)
            return outcome, False

    def _submit(self, node: "DagNode", identity: "Identity") -> "Submitted":
        from dagset.run.submit import submit

        namespace = self.cluster.namespace
        submitted = submit(node, identity, cluster=self.cluster, namespace=namespace, tell=self.screen.progress)
        self.screen.progress(how_submitted(submitted))
        return submitted

    def _show(self, ref: "Ref", owner: dict[str, Any]) -> Show:
        from dagset.run.limits import limits_of

        return Show(self.screen, ref, cluster=self.cluster, form=self.form, limits=limits_of(owner))

    def _follow(self, submitted: "Submitted") -> "Outcome":
        """Follow to the end, or cancel when interrupted; then show the rest of the lines."""
        from dagset.run.follow import follow
        from dagset.run.logs import LogStream

        ref, owner = submitted.ref, submitted.owner
        show = self._show(ref, owner)
        logs = LogStream(self.cluster, ref=ref, sink=show.line) if self.with_lines else None
        show.event("submitted", how_submitted(submitted))
        try:
            with showing(show):
                outcome = follow(
                    ref,
                    cluster=self.cluster,
                    on_sight=show.sight,
                    on_change=show.change,
                    on_trouble=show.trouble,
                    logs=logs,
                )
        except KeyboardInterrupt:
            show.stop()
            outcome, is_gone = cancel_node(
                ref, show.seen or first_sight(owner), cluster=self.cluster, screen=self.screen
            )
            if not is_gone:
                logs = None  # its pods may write on for as long as they like
        self._finish(logs)
        show.end(outcome)
        return outcome

    def _finish(self, logs: "LogStream | None") -> None:
        if logs is None:
            return None
        try:
            lost = logs.finish()
        except KeyboardInterrupt:
            return self.screen.say("not waiting for the rest of the lines")
        for prefix, why in sorted(lost.items())[:5]:
            self.screen.say(f"lines of {prefix} are missing: {why}")
        if len(lost) > 5:
            self.screen.say(f"lines of {len(lost) - 5} more pods are missing")
        return None

    def _settle(self, outcome: "Outcome", *, keep: str) -> None:
        from dagset.run.release import settle

        ref = ref_to(outcome)
        try:
            if settle(ref, outcome, keep=keep, cluster=self.cluster, on_trouble=self.screen.say) is False:
                self.screen.progress(f"{ref} deleted (keep: {keep})")
        except KeyboardInterrupt:
            self.screen.say(f"{ref} was not deleted: interrupted; it goes by its ttl, or by dagset cancel {ref.name}")
