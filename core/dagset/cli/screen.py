"""Who writes where: pod lines to stdout, everything for people to stderr; with `-o json` both to stderr."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

import click

from dagset.cli.clean import on_terminal

if TYPE_CHECKING:
    from dagset.cli.footer import Footer

__all__ = ["Screen", "give_up_stdout"]


class Screen:
    """The terminal of one command. Safe to use from several threads; a reader who went away (`| head`) is no error."""

    def __init__(self, *, as_json: bool, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._as_json, self._quiet, self._clock = as_json, quiet, clock
        self._began, self._lock = clock(), threading.Lock()
        self.stdout_closed = False
        self._footer: Footer | None = None

    @contextlib.contextmanager
    def with_footer(self, footer: "Footer") -> Iterator[None]:
        """Let a picture stand below all that is written to the terminal meanwhile."""
        footer.start()
        self._footer = footer
        try:
            yield
        finally:
            footer.stop()
            with self._lock:
                self._footer = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the command began."""
        return self._clock() - self._began

    def say(self, text: str) -> None:
        """Tell a person something."""
        with self._lock:
            self._write(sys.stderr, f"{text}\n")

    def progress(self, text: str) -> None:
        """Tell what happens and when, unless quiet."""
        if not self._quiet:
            self.say(f"[{self.elapsed_s:5.1f}s] {text}")

    def pod_line(self, prefix: str, line: str) -> None:
        """Show a line of a pod."""
        with self._lock:
            stream = sys.stderr if self._as_json else sys.stdout
            is_shown = stream is not None and not self.stdout_closed and stream.isatty()
            self._write(stream, f"{prefix} {on_terminal(line) if is_shown else line}\n")

    def result(self, text: str) -> None:
        """Give what a program reads."""
        with self._lock:
            self._write(sys.stdout, f"{text}\n")

    def _write(self, stream: TextIO | None, text: str) -> None:
        if stream is None or (self.stdout_closed and stream is sys.stdout):
            return
        try:
            if stream.isatty():
                text = "\n".join(map(on_terminal, text.split("\n")))
            if self._footer is not None and stream.isatty():
                self._footer.print(text.removesuffix("\n"))
            else:
                stream.write(text)
                stream.flush()
        except OSError as error:
            if stream is not sys.stdout:
                return
            self.stdout_closed = True
            give_up_stdout()
            if not isinstance(error, BrokenPipeError):
                click.echo(f"cannot write to stdout: {error.strerror}; nothing more is written there", err=True)


def give_up_stdout() -> None:
    """Let what is still buffered for stdout go nowhere: whoever read it has seen enough, or its disk is full."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
