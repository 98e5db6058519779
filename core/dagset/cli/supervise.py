"""`dagset supervise`: a pod that stands for a node in an engine whose steps are pods, such as Argo Workflows."""

import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dagset.cli.find import first_sight, ref_to
from dagset.cli.interrupt import cancel_node, ignore_sigterm, interruptible, undo_submit
from dagset.cli.options import connect, files_argument, namespace_option
from dagset.cli.progress import Progress, summary
from dagset.cli.screen import Screen
from dagset.cli.submit import how_submitted
from dagset.errors import DagsetError

if TYPE_CHECKING:
    from dagset.cluster.protocol import Cluster
    from dagset.model import DagNode, Identity
    from dagset.observe import Outcome
    from dagset.run.submit import Submitted

__all__ = ["supervise"]

EXIT_CANCELLED, EXIT_LEFT = 120, 143  # as a process that SIGTERM ended: the engine sees a lost pod
REASON_OF_CODE = {2: "invalid", 122: "refused", 125: "unreachable"}


@click.command(short_help="Stand for NODE in the pod of an engine, such as Argo Workflows.")
@files_argument("node")
@click.option("--cluster", metavar="CLUSTER", envvar="DAGSET_CLUSTER", default="in-cluster", show_default=True)
@namespace_option("Namespace (default: the pod's own).")
@click.option("--owner", metavar="TEXT", envvar="DAGSET_OWNER", default="supervise", help="Which installation.")
@click.option("--dag", metavar="TEXT", envvar="DAGSET_DAG", default="", help="Which workflow, by name.")
@click.option("--run", metavar="TEXT", envvar="DAGSET_RUN", default="", help="Which run of it, such as a uid.")
@click.option("--task", metavar="TEXT", envvar="DAGSET_TASK", help="Which step of it (default: the node's name).")
@click.option(
    "--owned-by", metavar="REF", envvar="DAGSET_OWNED_BY", help="With what it goes: APIVERSION KIND NAME UID."
)
@click.option("--pod", metavar="NAME", envvar="DAGSET_POD", help="This pod: tells a stop from an eviction.")
@click.option(
    "--lines",
    type=click.Choice(["all", "first", "failed", "none"]),
    envvar="DAGSET_LINES",
    default="all",
    help="Of which pods: all, index 0 of each role; failed: of those that fail, as with each but none.",
)
@click.option("--outputs", metavar="DIR", envvar="DAGSET_OUTPUTS", type=Path, help="Gets a file for each output.")
@click.option("--message", metavar="FILE", envvar="DAGSET_MESSAGE", type=Path, help="Gets how it ended.")
@click.option("--progress", metavar="FILE", envvar="ARGO_PROGRESS_FILE", type=Path, help="Gets N/M.")
@click.pass_context
def supervise(
    ctx: click.Context,
    *,
    node: str,
    cluster: str,
    namespace: str | None,
    owner: str,
    dag: str,
    run: str,
    task: str | None,
    owned_by: str | None,
    pod: str | None,
    lines: str,
    outputs: Path | None,
    message: Path | None,
    progress: Path | None,
) -> None:
    """Run NODE from a pod, and end as it ends. An option not given is read from DAGSET_<OPTION>.

    A node with the same --owner, --dag, --run and --task that runs already is adopted, and lines of pods go to stdout.
    SIGTERM deletes the node, but not when this very pod is evicted, drained or deleted: then the node runs on, and the
    pod that comes in its place adopts it.

    \b
    Exit codes: those of `dagset run`, and
      112  a pod's 64, 65, 137 (out of memory) or 143, which mean something else to Argo
      143  this pod has to go; the node runs on

    \b
    Example:
      dagset supervise node.yaml --run "$ARGO_WORKFLOW_UID" --task train
    """
    from dagset.cli.main import exit_code_of
    from dagset.model import Identity, load
    from dagset.run.supervision import node_message, shown_exit_code, workflow_of

    screen = Screen(as_json=False, quiet=False)
    files = _Files(screen, outputs=outputs, message=message, progress=progress)
    try:
        with interruptible(once=True):  # Argo says it twice: it would cut the deletion of the node short
            loaded = load(node)
            identity = Identity(owner=owner, dag=dag, run=run, task=task or loaded.name)
            opened = connect(cluster, namespace=namespace)
            step = _Step(screen, opened, files, pod=pod, choice=lines, workflow=workflow_of(owned_by))
            code = step.run(loaded, identity, owned_by=owned_by)
    except DagsetError as error:
        reason = REASON_OF_CODE.get(exit_code_of(error), "error")
        files.end(node_message(reason, str(error)), {"reason": reason, "message": str(error)})
        raise
    ctx.exit(code if code == EXIT_LEFT else shown_exit_code(code))


@dataclass(frozen=True, slots=True)
class _Files:
    """Where an engine reads what is not on stdout; what cannot be written is said, and ends nothing."""

    screen: Screen
    outputs: Path | None
    message: Path | None
    progress: Path | None

    def show_progress(self, text: str) -> None:
        """Tell how far it is, `N/M`."""
        if self.progress is not None and text:
            self._write(self.progress, f"{text}\n")

    def end(self, message: str, outputs: Mapping[str, str]) -> None:
        """Tell how it ended."""
        if self.message is not None:
            self._write(self.message, message)
        if self.outputs is not None:
            for name, text in outputs.items():
                self._write(self.outputs / name, text)

    def _write(self, path: Path, text: str) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        except OSError as error:
            self.screen.say(f"cannot write {path}: {error.strerror}")


@dataclass(frozen=True, slots=True)
class _Step:
    """One supervised node in one cluster."""

    screen: Screen
    cluster: "Cluster"
    files: _Files
    pod: str | None
    choice: str
    workflow: str = ""

    def run(self, node: "DagNode", identity: "Identity", *, owned_by: str | None) -> int:
        """Return the exit code, as `dagset run` has it."""
        from dagset.observe import exit_code
        from dagset.run.release import settle
        from dagset.run.supervise import note_told

        self._warn()
        try:
            submitted = self._submit(node, identity, owned_by=owned_by)
            with self._hearing_of_its_end():
                outcome = self._follow(submitted)
            ignore_sigterm()
        except KeyboardInterrupt:  # before it was followed: in the submit, or in the moment after it
            if self._has_to_go():
                return EXIT_LEFT
            undo_submit(identity, cluster=self.cluster, screen=self.screen)
            return EXIT_CANCELLED
        if outcome is None:
            return EXIT_LEFT
        self._tell(outcome)
        ref = ref_to(outcome)
        if settle(ref, outcome, keep=node.keep or "always", cluster=self.cluster, on_trouble=self.screen.say):
            note_told(ref, cluster=self.cluster)
        return exit_code(outcome)

    def _warn(self) -> None:
        from dagset.run.supervise import may_see_itself

        why = may_see_itself(self.pod, cluster=self.cluster) if self.pod else "nobody said which pod this is (--pod)"
        if why:
            self.screen.say(f"cannot tell a stop from an eviction, so SIGTERM leaves the node running: {why}")

    def _submit(self, node: "DagNode", identity: "Identity", *, owned_by: str | None) -> "Submitted":
        from dagset.run.supervise import submit_owned

        tell = self.screen.progress
        submitted = submit_owned(node, identity, cluster=self.cluster, owned_by=owned_by, tell=tell)
        self.screen.progress(how_submitted(submitted))
        return submitted

    def _follow(self, submitted: "Submitted") -> "Outcome | None":
        """Follow to the end; when interrupted, return None or cancel."""
        from dagset.run.follow import follow
        from dagset.run.supervise import ChosenLines
        from dagset.run.supervision import progress

        ref, shown = submitted.ref, Progress(self.screen)
        reads = self.choice != "none"
        sink = self.screen.pod_line
        logs = ChosenLines(self.cluster, ref=ref, sink=sink, choice=self.choice) if reads else None
        try:
            outcome = follow(
                ref,
                cluster=self.cluster,
                on_sight=lambda seen: self.files.show_progress(progress(seen)),
                on_change=shown.tell,
                on_trouble=self.screen.say,
                logs=logs,
            )
        except KeyboardInterrupt:
            shown.stop()
            if self._has_to_go():
                return None
            seen = shown.seen or first_sight(submitted.owner)
            outcome, _ = cancel_node(ref, seen, cluster=self.cluster, screen=self.screen)
        if logs is not None and outcome.phase != "cancelled":
            logs.finish()
        return outcome

    @contextlib.contextmanager
    def _hearing_of_its_end(self) -> Iterator[None]:
        """Be told as if by SIGTERM when this pod has to end: the signal itself may be lost."""
        from dagset.run.supervise import tell_its_end

        over, main = threading.Event(), threading.main_thread().ident

        def tell() -> None:
            if main is not None and not over.is_set():
                signal.pthread_kill(main, signal.SIGTERM)

        if self.pod is not None:
            words = {"cluster": self.cluster, "tell": tell, "over": over}
            threading.Thread(target=tell_its_end, args=(self.pod,), kwargs=words, daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def _has_to_go(self) -> bool:
        from dagset.run.supervise import will_be_replaced

        if self.pod is not None and not will_be_replaced(self.pod, cluster=self.cluster, workflow=self.workflow):
            return False
        self.screen.say("this pod has to go: the node runs on, for the pod that comes in its place")
        return True

    def _tell(self, outcome: "Outcome") -> None:
        from dagset.run.supervision import node_message, outputs

        self.screen.say(summary(outcome, elapsed_s=self.screen.elapsed_s, with_lines=self.choice == "none"))
        self.files.show_progress(f"{outcome.succeeded}/{outcome.pods}" if outcome.pods else "")
        lines = outcome.first_failed.last_lines if outcome.first_failed is not None else ()
        self.files.end(node_message(outcome.reason, outcome.message, tuple(lines)), outputs(outcome))
