"""Lines to words to options, for texts that nobody wrote by hand."""

import getopt as gnu
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagset.errors import InvalidNode
from dagset.importers import import_sbatch
from dagset.importers.amounts import array_of, hosts_of, mib_of, minutes_of, pieces_of
from dagset.importers.directives import read_script, words_of
from dagset.importers.getopt import options_of
from dagset.importers.options import HOW, OPTIONS

SHORTS = "".join(
    each.short + (":" if each.arg == "value" else "") for each in OPTIONS if each.short and each.arg != "maybe"
)
LONGS = [each.name + ("=" if each.arg == "value" else "") for each in OPTIONS if each.arg != "maybe"]
PLAIN = st.text(string.ascii_letters + string.digits + "-=,.:/%", min_size=1, max_size=8)
SPELLED = st.sampled_from(
    ["-N", "-N2", "-n", "-Hn3", "-c=4", "--nodes=2", "--nodes", "--mem", "--time=1-0", "--hold", "-HQ", "--", "-"]
)
DIRECTIVES = st.lists(st.lists(st.one_of(SPELLED, PLAIN), max_size=5).map(" ".join), max_size=5)


@given(DIRECTIVES)
def test_any_text_is_read_or_refused_and_every_option_is_in_the_report(lines: list[str]):
    script = "\n".join(["#!/bin/sh", *(f"#SBATCH {line}" for line in lines), "true"])
    try:
        found = import_sbatch(script, name="x", image="busybox:1")
    except InvalidNode:
        return
    options = options_of(read_script(script).components[0])

    assert [(each.name, each.line) for each in options] == [(e.option, e.line) for e in found.report if e.option]
    assert {entry.how for entry in found.report} <= {*HOW, "unknown", "ignored"}


@given(st.lists(st.one_of(SPELLED, PLAIN.map(lambda text: "-" + text)), max_size=5))
def test_known_options_are_read_as_another_getopt_reads_them(words: list[str]):
    line = " ".join(words)
    try:
        theirs, rest = gnu.gnu_getopt([word.text for word in words_of(line, line=1)], SHORTS, LONGS)
    except (gnu.GetoptError, InvalidNode):
        return
    if rest:
        return
    ours = options_of(tuple(words_of(line, line=1)))
    names = {f"-{each.short}": each.name for each in OPTIONS if each.short} | {
        f"--{each.name}": each.name for each in OPTIONS
    }

    assert [(names[name], value) for name, value in theirs] == [(each.name, each.value or "") for each in ours]


@given(st.sets(st.integers(0, 400), min_size=1, max_size=40))
def test_ids_written_in_pieces_are_read_back(ids: set[int]):
    ordered = tuple(sorted(ids))

    assert ordered == array_of(pieces_of(ordered)).ids


@given(st.integers(0, 20), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_the_longest_form_of_a_time_says_what_its_parts_say(days: int, hours: int, minutes: int, seconds: int):
    whole = days * 1440 + hours * 60 + minutes + (seconds > 0)

    assert (whole or None) == minutes_of(f"{days}-{hours:02}:{minutes}:{seconds}")


@given(st.integers(0, 10**6))
def test_units_of_memory_are_powers_of_1024(amount: int):
    assert [amount, amount, amount * 1024, -(-amount // 1024)] == [
        mib_of(f"{amount}{unit}") for unit in ("", "M", "g", "K")
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n1", ("n1",)),
        ("n[08-11]", ("n08", "n09", "n10", "n11")),
        ("n[1,3-4],gpu7", ("n1", "n3", "n4", "gpu7")),
        ("r[1-2]n[0-1]-ib", ("r1n0-ib", "r1n1-ib", "r2n0-ib", "r2n1-ib")),
        ("a,b,a", ("a", "b")),
    ],
)
def test_lists_of_hosts(text: str, names: tuple[str, ...]):
    assert names == hosts_of(text)


@pytest.mark.parametrize("text", ["", "n[3-1]", "n[a]", "n[0-999999]", "n[1-60000]x[1-60000]"])
def test_lists_of_no_hosts_and_of_too_many_are_refused(text: str):
    with pytest.raises(InvalidNode):
        hosts_of(text)


def test_no_two_options_share_a_name_or_a_letter():
    letters = [each.short for each in OPTIONS if each.short]

    assert len(OPTIONS) == len({each.name for each in OPTIONS})
    assert len(letters) == len(set(letters))
