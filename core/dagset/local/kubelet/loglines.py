"""Log lines with the time they were read, as the API server keeps them: `<RFC3339Nano, UTC> <text>`."""

import time
from collections.abc import Callable

__all__ = ["LogLines", "without_times"]

LONGEST_PIECE = 16 * 1024
LONGEST_LINE = 1024 * 1024
_SECOND_NS = 1_000_000_000


class LogLines:
    """Turns what a pod prints into stamped lines. Holds at most 16 KiB; no two stamps are equal.

    A longer line is given in pieces, of which only the first has the stamp. One longer than 1 MiB is split, for who
    reads the log has to hold a line; a real kubelet keeps lines whole, however long they are (tried with 40 KB).
    """

    def __init__(self, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns = now_ns
        self._last_ns = 0
        self._second = -1
        self._second_text = ""
        self._rest = b""
        self._given = 0  # how much of the present line

    def feed(self, data: bytes) -> bytes:
        """Give what can be written now: complete lines, and the begin of a long one."""
        *lines, rest = (self._rest + data).split(b"\n")
        out = [self._text(line, end=b"\n") for line in lines]
        if len(rest) >= LONGEST_PIECE:
            out.append(self._text(rest, end=b""))
            rest = b""
        self._rest = rest
        return b"".join(out)

    def end(self) -> bytes:
        """Give the rest of the last line, if the pod ended without finishing it."""
        rest, self._rest = self._rest, b""
        return self._text(rest, end=b"\n") if rest or self._given else b""

    def note(self, text: str) -> bytes:
        """Give a line of ours; a pod's line that has begun ends before it, and goes on as another one."""
        begun, self._given = self._given, 0
        return (b"\n" if begun else b"") + self._text(f"dagset: {text}".encode(), end=b"\n")

    def _text(self, text: bytes, *, end: bytes) -> bytes:
        """Give a part of a line, stamped if it is the first."""
        out = []
        while self._given + len(text) > LONGEST_LINE:
            cut = LONGEST_LINE - self._given
            out += [b"" if self._given else self._stamp(), text[:cut], b"\n"]
            text, self._given = text[cut:], 0
        out += [b"" if self._given else self._stamp(), text, end]
        self._given = 0 if end else self._given + len(text)
        return b"".join(out)

    def _stamp(self) -> bytes:
        self._last_ns = max(self._now_ns(), self._last_ns + 1)
        second, nanoseconds = divmod(self._last_ns, _SECOND_NS)
        if second != self._second:
            self._second, self._second_text = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return b"%s.%09dZ " % (self._second_text.encode(), nanoseconds)


def without_times(log: bytes) -> bytes:
    """Give the text of stamped lines alone; a cut first line is dropped."""
    lines = log.split(b"\n")
    texts = [text for stamp, space, text in (line.partition(b" ") for line in lines) if space and stamp.endswith(b"Z")]
    return b"".join(text + b"\n" for text in texts)
