"""`dagset run`: submit or attach, show progress and lines, say how it ended, exit with its code."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from dagset.cli.find import first_sight, ref_to
from dagset.cli.interrupt import cancel_node, interruptible, undo_submit
from dagset.cli.options import connect, in_cluster, json_or_text, node_identity, quiet
from dagset.cli.progress import Progress, summary
from dagset.cli.screen import Screen

if TYPE_CHECKING:
    from dagset.cluster.protocol import Cluster
    from dagset.model import DagNode, Identity
    from dagset.observe import Outcome
    from dagset.run.logs import LogStream
    from dagset.run.submit import Submitted

__all__ = ["run"]

EXIT_CANCELLED = 120


@click.command(short_help="Run NODE to its end, with its lines; attach if it is running already.")
@click.argument("node")
@in_cluster
@json_or_text
@click.option(
    "--keep", type=click.Choice(["never", "failed", "always"]), help="What stays (default: the node's, always)."
)
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
    quiet: bool,
) -> None:
    """Run NODE to its end and exit with its exit code; attaches if it is already running.

    Ctrl-C and SIGTERM cancel the node: everything of it is deleted (exit 120). If this command is killed or loses its
    terminal, the node runs on and the next `dagset run` of the same file attaches to it.
    """
    from dagset.compile import compile_node
    from dagset.model import load

    loaded = load(node)
    identity = node_identity(node, task=loaded.name)
    compile_node(loaded, identity)  # what cannot be compiled is refused before any cluster is asked
    screen = Screen(as_json=output == "json", quiet=quiet)
    with interruptible():
        opened = connect(cluster, namespace=namespace)
        task = _Task(screen, opened, with_lines=not quiet)
        ctx.exit(task.run(loaded, identity, keep=keep or loaded.keep or "always", as_json=output == "json"))


@dataclass(frozen=True, slots=True)
class _Task:
    """One `dagset run` in one cluster."""

    screen: Screen
    cluster: "Cluster"
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
            return undo_submit(identity, cluster=self.cluster, screen=self.screen), False

    def _submit(self, node: "DagNode", identity: "Identity") -> "Submitted":
        from dagset.run.submit import submit

        submitted = submit(
            node, identity, cluster=self.cluster, namespace=self.cluster.namespace, tell=self.screen.progress
        )
        if submitted.attached:
            self.screen.progress(f"attached to {submitted.ref}, which is already running")
        else:
            self.screen.progress(f"{submitted.ref} created")
        return submitted

    def _follow(self, submitted: "Submitted") -> "Outcome":
        """Follow to the end, or cancel when interrupted; then show the rest of the lines."""
        from dagset.run.follow import follow
        from dagset.run.logs import LogStream

        progress = Progress(self.screen)
        ref, owner = submitted.ref, submitted.owner
        logs = LogStream(self.cluster, ref=ref, sink=self.screen.pod_line) if self.with_lines else None
        try:
            outcome = follow(
                ref, cluster=self.cluster, on_change=progress.tell, on_trouble=self.screen.progress, logs=logs
            )
        except KeyboardInterrupt:
            progress.stop()
            seen = progress.seen or first_sight(owner)
            outcome, is_gone = cancel_node(ref, seen, cluster=self.cluster, screen=self.screen)
            if not is_gone:
                return outcome
        self._finish(logs)
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
