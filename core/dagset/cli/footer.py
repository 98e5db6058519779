"""A picture at the foot of the terminal, redrawn a few times a second, while lines go on scrolling above it."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["Footer", "is_possible"]

REFRESH_S = 0.25
BUSY = 10  # of so many seconds at most one is spent on drawing
LINES_AT_ONCE = 1000

Draw = Callable[[int, int], "list[Text]"]


def is_possible(*, writes_stdout: bool) -> bool:
    """Whether a picture would stay whole: stderr is a terminal that can, and nobody else writes to it.

    Where stdout is a pipe, its reader (`| grep`) may write to the same terminal at any moment.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
        return False
    return not writes_stdout or sys.stdout.isatty() or _is_file(sys.stdout.fileno())


def _is_file(number: int) -> bool:
    import stat

    mode = os.fstat(number).st_mode
    return stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not os.isatty(number))


class Footer:
    """Owns the terminal between `start` and `stop`; whatever is written there has to go through `print`."""

    def __init__(self, draw: Draw, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Write nothing yet. `draw(width, height)` is called in a thread of its own."""
        from rich.console import Console
        from rich.live import Live

        self._draw, self._clock = draw, clock
        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._live = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._lock, self._over = threading.Lock(), threading.Event()
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._run, name="dagset-footer", daemon=True)

    def start(self) -> None:
        """Begin to draw."""
        self._live.start()
        self._console.show_cursor(True)  # whoever is killed leaves a usable terminal
        self._thread.start()

    def stop(self) -> None:
        """Print what waits and take the picture away."""
        self._over.set()
        self._thread.join()
        self._end()

    def print(self, line: str) -> None:
        """Show a line above the picture, a little later; waits where lines come faster than the terminal takes them."""
        with self._lock, contextlib.suppress(OSError):
            self._lines.append(line)
            if len(self._lines) >= LINES_AT_ONCE or self._over.is_set():
                self._flush()

    def _run(self) -> None:
        pause_s = 0.0
        try:
            while not self._over.wait(pause_s):
                began = self._clock()
                self._refresh()
                pause_s = max(REFRESH_S, BUSY * (self._clock() - began))
        except Exception as bug:  # noqa: BLE001  a picture that cannot be drawn is no reason to lose a line or a node
            self._lines.append(f"no picture any more, only lines (a bug of dagset: {type(bug).__name__}: {bug})")
            self._over.set()
            self._end()

    def _end(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._flush()
            self._live.stop()

    def _refresh(self) -> None:
        from rich.text import Text

        size = self._console.size
        picture = Text("\n", no_wrap=True).join(self._draw(size.width, size.height))
        with self._lock:
            self._flush()
            self._live.update(picture, refresh=True)

    def _flush(self) -> None:
        from rich.text import Text

        if self._lines:
            self._console.print(Text("\n".join(self._lines)), soft_wrap=True)
            self._lines = []
