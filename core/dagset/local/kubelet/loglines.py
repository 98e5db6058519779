"""Log lines with the time they were read, as the API server keeps them: `<RFC3339Nano, UTC> <text>`."""

import time
from collections.abc import Callable

__all__ = ["LogLines", "without_times"]

LONGEST_LINE = 16 * 1024
_SECOND_NS = 1_000_000_000


class LogLines:
    """Turns what a pod prints into stamped lines. Holds at most one unfinished line; no two stamps are equal."""

    def __init__(self, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns = now_ns
        self._last_ns = 0
        self._second = -1
        self._second_text = ""
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """Give the stamped lines that are complete now; longer ones than 16 KiB are split."""
        *lines, rest = (self._rest + data).split(b"\n")
        out = [piece for line in lines for piece in self._pieces(line)]
        while len(rest) >= LONGEST_LINE:
            out.append(self._stamped(rest[:LONGEST_LINE]))
            rest = rest[LONGEST_LINE:]
        self._rest = rest
        return b"".join(out)

    def end(self) -> bytes:
        """Give the last line, if the pod ended without finishing it."""
        rest, self._rest = self._rest, b""
        return self._stamped(rest) if rest else b""

    def _pieces(self, line: bytes) -> list[bytes]:
        if len(line) <= LONGEST_LINE:
            return [self._stamped(line)]
        return [self._stamped(line[at : at + LONGEST_LINE]) for at in range(0, len(line), LONGEST_LINE)]

    def _stamped(self, line: bytes) -> bytes:
        self._last_ns = max(self._now_ns(), self._last_ns + 1)
        second, nanoseconds = divmod(self._last_ns, _SECOND_NS)
        if second != self._second:
            self._second, self._second_text = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return b"%s.%09dZ %s\n" % (self._second_text.encode(), nanoseconds, line)


def without_times(log: bytes) -> bytes:
    """Give the text of stamped lines alone; a cut first line is dropped."""
    lines = log.split(b"\n")
    texts = [text for stamp, space, text in (line.partition(b" ") for line in lines) if space and stamp.endswith(b"Z")]
    return b"".join(text + b"\n" for text in texts)
