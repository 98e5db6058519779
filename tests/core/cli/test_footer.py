"""The picture on a terminal: lines stay whole and in order above it, and nothing of it is left behind."""

import contextlib
import os
import pty
import re
import sys
import termios
from collections.abc import Iterator
from io import TextIOWrapper
from typing import TYPE_CHECKING

import pytest

from dagset.cli.footer import Draw, Footer, is_possible
from dagset.cli.screen import Screen

if TYPE_CHECKING:
    from rich.text import Text

MOVES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


@contextlib.contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, **environ: str) -> Iterator[int]:
    """Let stdout and stderr be a terminal; yield what reads from it."""
    reader, writer = pty.openpty()
    termios.tcsetwinsize(writer, (24, 60))
    os.set_blocking(reader, False)
    streams = [TextIOWrapper(os.fdopen(os.dup(writer), "wb", 0), write_through=True) for _ in range(2)]
    with monkeypatch.context() as patched:
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
            patched.delenv(name, raising=False)
        for name, value in {"TERM": "xterm-256color", **environ}.items():
            patched.setenv(name, value)
        for name, stream in zip(("stdout", "stderr"), streams, strict=True):
            patched.setattr(sys, name, stream)
        yield reader
    for stream in streams:
        stream.close()
    os.close(writer)
    os.close(reader)


def shown(draw: Draw, monkeypatch: pytest.MonkeyPatch, **environ: str) -> bytes:
    """Return what a terminal gets when a few things are said above the picture."""
    with terminal(monkeypatch, **environ) as reader:
        screen = Screen(as_json=False)
        with screen.with_footer(Footer(draw)):
            screen.pod_line("worker[0]", "\x1b[31mhello\x1b[0m 10%\r 20%")
            screen.say("a word")
        screen.pod_line("worker[0]", "bye")
        written = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                written += os.read(reader, 65536)
    return written


def picture(_width: int, _height: int) -> "list[Text]":
    from rich.text import Text

    return [Text("train  running", style="red")]


def test_lines_are_shown_clean_and_in_order_and_the_cursor_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    written = shown(picture, monkeypatch)

    lines = [line.strip() for line in MOVES.sub(b"", written).replace(b"\r", b"\n").split(b"\n")]
    assert [b"worker[0]  20%", b"a word", b"worker[0] bye"] == [line for line in lines if line and b"train" not in line]
    assert written.rindex(b"\x1b[?25h") > written.rfind(b"\x1b[?25l")
    assert b"\x1b[31m" in written


def test_without_colours_when_somebody_does_not_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert b"\x1b[31m" not in shown(picture, monkeypatch, NO_COLOR="1")


def test_a_picture_that_cannot_be_drawn_costs_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    written = shown(lambda width, _height: [][width], monkeypatch)

    assert b"no picture any more, only lines (a bug of dagset: IndexError" in written
    assert written.index(b"a word") < written.index(b"worker[0] bye")


def test_a_pipe_behind_stdout_may_write_to_the_terminal_too(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with terminal(monkeypatch), open(writer, "w") as piped, open(reader):
        assert is_possible(writes_stdout=True)
        monkeypatch.setattr(sys, "stdout", piped)
        found = is_possible(writes_stdout=True), is_possible(writes_stdout=False)
        monkeypatch.undo()
    assert (False, True) == found


def test_a_terminal_that_cannot_gets_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, TERM="dumb"):
        assert not is_possible(writes_stdout=True)
