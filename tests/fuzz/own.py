"""A small fuzzer of our own: mutates seeds without looking at coverage. It finds less than atheris, anywhere."""

import time
from collections.abc import Callable, Sequence
from random import Random

__all__ = ["Slow", "fuzz", "mutated"]

SLOWEST_S = 5.0
LONGEST = 50_000
PIECES = (
    b"[" * 500, b"{" * 500, b"- " * 500, b"&a ", b"*a", b"!!int ", b"!!bool ", b"<<: ", b"? ", b"|\n", b"%YAML 1.1\n",
    b"9" * 5000, b"1:" * 500, b"0x" + b"f" * 5000, b"\x00", b"\xff\xfe", b"\xf0\x9f\x98\x80", b"\\ud800", b"1e400",
    b"-1", b"99999999999999999999", b"0-99999999999", b",", b": ", b"\n", b"\t", b"'", b'"', b"#", b"1Gi", b"30s", b"=",
)  # fmt: skip


class Slow(AssertionError):
    """An input that took too long."""


def mutated(seed: bytes, *, others: Sequence[bytes], rng: Random) -> bytes:
    """Return the seed after one to four changes: cut, doubled, spliced, a byte or a telling piece put in."""
    data = seed
    for _ in range(rng.randint(1, 4)):
        at, to = sorted(rng.choices(range(len(data) + 1), k=2))
        put = (
            b"", data[at:to] * 2, rng.choice(others)[:2000], bytes([rng.randrange(256)]), rng.choice(PIECES),
        )  # fmt: skip
        keep = rng.random() < 0.5
        data = (data[:at] + rng.choice(put) + data[at if keep else to :])[:LONGEST]
    return data


def fuzz(target: Callable[[bytes], None], *, seeds: Sequence[bytes], seed: int, seconds: float, most: int) -> int:
    """Try mutations until the time or their number is over; return how many were tried.

    Raises:
        Whatever the target raises, with the input in a note; Slow for an input that took more than 5 s.
    """
    rng, end, tried = Random(seed), time.monotonic() + seconds, 0
    while tried < most and time.monotonic() < end:
        data = mutated(rng.choice(seeds), others=seeds, rng=rng)
        began = time.process_time()
        try:
            target(data)
            if time.process_time() - began > SLOWEST_S:
                raise Slow(f"took {time.process_time() - began:.1f} s")
        except Exception as error:
            error.add_note(f"input: {data!r}")
            raise
        tried += 1
    return tried
