"""What is shown while a node is followed: paced lines, the picture at the foot of a terminal, or events as JSON."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import click

from dagset.cli.progress import Progress
from dagset.cli.screen import Screen

if TYPE_CHECKING:
    from rich.text import Text

    from dagset.cluster.protocol import Cluster
    from dagset.model import Ref
    from dagset.observe import Observation, Outcome, Phase
    from dagset.observe.happenings import Happening
    from dagset.run.limits import Limits

__all__ = ["Form", "Show", "form_of", "plain_option", "showing"]

Form = Literal["lines", "picture", "events"]
LINES_KEPT, LINE_LENGTH = 10_000, 300


def form_of(output: str, *, plain: bool, quiet: bool, writes_stdout: bool) -> Form:
    """Return how to show, from what was asked for and where the command writes."""
    from dagset.cli.footer import is_possible

    if output == "jsonl":
        return "events"
    return "picture" if not plain and not quiet and is_possible(writes_stdout=writes_stdout) else "lines"


@contextlib.contextmanager
def showing(show: "Show") -> Iterator["Show"]:
    """Draw the picture, if that is its form, as long as the node is followed."""
    if show.form != "picture":
        yield show
        return
    from dagset.cli.footer import Footer

    with show.screen.with_footer(Footer(show.draw)):
        yield show


class Show:
    """Takes what a follower tells; `seen` is the last sight of the node."""

    def __init__(self, screen: Screen, ref: "Ref", *, cluster: "Cluster", form: Form, limits: "Limits") -> None:
        from dagset.observe import Observation

        self.screen, self.form = screen, form
        self._ref, self._cluster, self._limits = ref, cluster, limits
        self._empty = self._told = Observation.empty("JobSet" if ref.kind == "JobSet" else "Job")
        self._progress = Progress(screen, with_counts=form == "lines")
        self._last_lines: dict[str, str] = {}
        self.seen: Observation | None = None

    def sight(self, seen: "Observation") -> None:
        """Take whatever is seen anew."""
        self.seen = seen
        if self.form == "events":
            from dagset.observe.happenings import happenings

            before, self._told = self._told, seen
            for happening in happenings(before, seen, now=self._cluster.now()):
                if happening.event != "end":  # the last word is `end`'s
                    self._emit(happening)

    def change(self, seen: "Observation", phase: "Phase") -> None:
        """Take another phase, or the end."""
        self.sight(seen)
        self._progress.tell(seen, phase)

    def line(self, prefix: str, text: str) -> None:
        """Take a line of a pod that is to be shown."""
        self.screen.pod_line(prefix, text)
        self.last_line(prefix, text)

    def last_line(self, prefix: str, text: str) -> None:
        """Take a line of a pod for the picture alone."""
        if self.form == "picture":
            self._last_lines.pop(prefix, None)
            self._last_lines[prefix] = text[:LINE_LENGTH]
            if len(self._last_lines) > LINES_KEPT:
                del self._last_lines[next(iter(self._last_lines))]

    def trouble(self, text: str) -> None:
        """Take a sentence about what does not go as it should."""
        self.screen.progress(text)
        self.event("trouble", text)

    def event(self, event: str, message: str) -> None:
        """Tell programs of something that is not seen in the cluster."""
        if self.form == "events":
            from dagset.observe.happenings import Happening

            self._emit(Happening(event, message=message))

    def end(self, outcome: "Outcome") -> None:
        """Tell programs how it ended."""
        if self.form == "events":
            from dagset.observe.happenings import end_of

            self._emit(end_of(outcome))

    def stop(self) -> None:
        """Show no more progress."""
        self._progress.stop()

    def draw(self, width: int, height: int) -> "list[Text]":
        """Return the picture as it is now."""
        from dagset.cli.view import Sight, view
        from dagset.observe import phase_of

        if self.seen is None:
            return []
        now = self._cluster.now()
        sight = Sight(self.seen, phase_of(self.seen, now=now), now, self._limits, self._last_lines)
        return view(sight, width=width, height=height)

    def _emit(self, happening: "Happening") -> None:
        import msgspec

        from dagset.observe import reading

        told = msgspec.to_builtins(happening)
        ref = self._ref
        place = {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name, "uid": ref.uid}
        line = {"event": told.pop("event"), "at": reading.rfc3339(self._cluster.now()), **place, **told}
        self.screen.result(msgspec.json.encode(line).decode())


def plain_option(command: "click.decorators.FC") -> "click.decorators.FC":
    """Add --plain."""
    text = "Lines in place of the live picture (also: TERM=dumb). NO_COLOR takes the colours away."
    return click.option("--plain", is_flag=True, help=text)(command)
