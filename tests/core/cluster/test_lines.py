"""Lines come out whole and in order, whatever the pieces, and never need much memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagset.cluster.lines import log_lines, split_lines


@given(st.lists(st.binary(max_size=8).map(lambda line: line.replace(b"\n", b"")), max_size=6), st.integers(1, 7))
def test_cutting_the_stream_anywhere_changes_nothing(lines, size):
    whole = b"".join(line + b"\n" for line in lines)
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]

    assert lines == list(split_lines(pieces))


def test_last_line_needs_no_end():
    assert [b"a", b"b"] == list(split_lines([b"a\nb"]))


def test_line_is_given_before_the_next_piece_is_there():
    def pieces():
        yield b"T one\nT t"
        raise AssertionError("asked for more than was needed")

    assert "T one" == next(log_lines(pieces()))


def test_long_line_comes_in_parts_that_all_have_the_timestamp():
    assert ["T abcdef", "T ghijkl", "T m", "U n"] == list(log_lines([b"T abc", b"defghijklm", b"\nU n\n"], longest=8))


def test_endless_line_needs_bounded_memory():
    parts = log_lines((b"x" * 1000 for _ in range(1000)), longest=5000)

    assert 6100 > max(len(part) for part in parts)


@pytest.mark.parametrize("letter", ["é", "€", "😀"])
def test_long_line_is_not_cut_inside_a_character(letter):
    text = "".join(part.removeprefix("T ") for part in log_lines([f"T {letter * 20}".encode()], longest=9))

    assert letter * 20 == text


def test_what_is_no_utf8_is_replaced():
    assert ["T \ufffd!"] == list(log_lines([b"T \xff!\n"]))
