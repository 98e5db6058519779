"""A few seconds of fuzzing with a fixed seed, and what longer runs have found."""

import resource

import pytest

from tests.fuzz.own import fuzz
from tests.fuzz.targets import TARGETS, seeds

FOUND = {
    "a number of many digits": b"pods: 0x" + b"f" * 100_000,
    "a clock of many hands": b"pods: " + b"1:" * 100_000 + b"1",
    "more memory than a number can say": b"name: n\nimage: a\nmemory: " + b"9" * 4300 + b"Gi",
    "a tag that does not fit": b"a: !!bool maybe",
    "a time that is none": b"a: !!timestamp x",
    "a long deadline": b"name: n\nimage: a\ndeadline: " + b"9" * 5000 + b"d",
    "more keys than a node has": b"\n".join(b"k%d: 1" % number for number in range(300_000)),
}


@pytest.mark.parametrize("text", FOUND.values(), ids=FOUND.keys())
def test_what_was_found_once_is_refused(text: bytes):
    TARGETS["yaml"](text)


@pytest.mark.parametrize("target", TARGETS)
def test_some_mutations_are_all_answered(target: str):
    assert fuzz(TARGETS[target], seeds=seeds(target), seed=1, seconds=3, most=2_000)


def test_a_large_file_needs_little_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    TARGETS["yaml"](b"[" + b"[a, b], " * 400_000 + b"]")

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB
