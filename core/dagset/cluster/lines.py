"""Bytes in pieces of any size to lines, in bounded memory."""

from collections.abc import Iterable, Iterator

__all__ = ["log_lines", "split_lines"]

LONGEST_LOG_LINE = 64 * 1024
STAMP_MAX_LENGTH = 40  # RFC 3339 with nanoseconds and an offset is 35 long


def split_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each line without its end, as soon as it is whole; what follows the last line end comes at the end."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest


def log_lines(pieces: Iterable[bytes], *, longest: int = LONGEST_LOG_LINE) -> Iterator[str]:
    """Yield lines as `<timestamp> <text>`; what is not UTF-8 becomes U+FFFD.

    A line that reaches `longest` bytes before its end comes in parts, each with the timestamp of the first one.
    """
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
        while len(rest) >= longest:
            cut = _before_a_character(rest, longest)
            yield rest[:cut].decode(errors="replace")
            rest = rest[:STAMP_MAX_LENGTH].partition(b" ")[0] + b" " + rest[cut:]
    if rest:
        yield rest.decode(errors="replace")


def _before_a_character(text: bytes, at: int) -> int:
    """Return the nearest place at or before `at` where no UTF-8 character is cut (at most 3 bytes back)."""
    return next((cut for cut in range(at, at - 4, -1) if text[cut : cut + 1] < b"\x80" or text[cut] >= 0xC0), at)
