"""The lines of a batch script that sbatch reads, as words; and those that look as if it did, and are not read.

Source: SchedMD/slurm: src/sbatch/opt.c (_opt_batch_script, get_argument), and what slurmctld 22.05 said (tests/slurm).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dagset.errors import InvalidNode

__all__ = ["Script", "Unread", "Word", "read_script", "words_of"]

MAGIC = ("#SBATCH", "#SLURM")
OTHERS = re.compile(r"#(PBS|BSUB)\b")
LOOKS_ALIKE = re.compile(r"\s*#\s*SBATCH\s*-", re.IGNORECASE)
HETJOB = re.compile(r"\s*(hetjob|packjob)(?=\s|$)", re.IGNORECASE)
AFTER_COMMAND = "stands after the script's first command; sbatch stops reading there"
COMMENTED = "is a comment to sbatch; write #SBATCH at the start of the line"
OTHER_SYSTEM = "sbatch translates it, dagset does not; write it as #SBATCH"


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a directive and the number of its line, from 1; 0 for what was given beside the script."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Unread:
    """A text that is no option, and why."""

    text: str
    line: int
    why: str
    is_lost: bool = False  # sbatch would have acted on it


@dataclass(frozen=True, slots=True)
class Script:
    """A batch script: the words of each component (more than one in a heterogeneous job), and what is not read."""

    text: str
    components: tuple[tuple[Word, ...], ...]
    unread: tuple[Unread, ...]


def read_script(text: str) -> Script:
    """Return what sbatch would read of a batch script.

    Raises:
        InvalidNode: sbatch would refuse the script: no interpreter, DOS line ends, an open quote.
    """
    _check(text)
    components: list[list[Word]] = [[]]
    unread: list[Unread] = []
    in_head = True
    for number, line in enumerate(text.split("\n"), start=1):
        magic = next((each for each in MAGIC if line.startswith(each)), None)
        if magic is not None and in_head:
            rest = line[len(magic) :]
            if HETJOB.match(rest):
                components.append([])
                rest = HETJOB.sub("", rest, count=1)
            components[-1] += words_of(rest, line=number)
            unread += _cut_off(rest, number)
        elif unheard := _unheard(line, number, in_head=in_head):
            unread.append(unheard)
        in_head = in_head and (not line.strip() or line.lstrip().startswith("#"))
    return Script(text, tuple(map(tuple, components)), tuple(unread))


def words_of(text: str, *, line: int) -> list[Word]:
    """Return the words of one directive: quotes keep blanks, a backslash keeps a character, # begins a comment.

    An empty quoted word ends the line, as it does for sbatch.
    """
    return [Word(word, line) for word, _ in _words(text, line)]


def _check(text: str) -> None:
    if not text.startswith("#!"):
        problem = "does not begin with #! and an interpreter"
        raise InvalidNode(problem, field="line 1", remedy="begin with #!/bin/bash, as sbatch asks for")
    if "\r\n" in text:
        line = text[: text.index("\r\n")].count("\n") + 1
        raise InvalidNode("ends with a DOS line break", field=f"line {line}", remedy="convert it with dos2unix")
    if "\0" in text:
        raise InvalidNode("holds a NUL character", remedy="give a text file")


def _words(text: str, line: int) -> Iterator[tuple[str, int]]:
    """Yield each word and where it ends."""
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if text[at : at + 1] == ":":
            raise InvalidNode("a directive cannot hold `:` alone", field=f"line {line}", remedy="write #SBATCH hetjob")
        word, at = _next_word(text, at, line)
        if word is None:
            return
        yield word, at


def _next_word(text: str, at: int, line: int) -> tuple[str | None, int]:
    """Return the word at a place and where it ends; None where there is none."""
    word, quote = "", ""
    while at < len(text) and (quote or not text[at].isspace()):
        char = text[at]
        if char == "\\":
            kept = text[at + 1 : at + 2]
            at += 1
            if quote or kept == " " or not kept.isspace():
                word, at = word + kept, at + 1
            continue
        if char == "#" and not quote:
            break
        at += 1
        if char == quote:
            quote = ""
        elif not quote and char in "\"'":
            quote = char
        else:
            word += char
    if quote:
        raise InvalidNode(f"has an unmatched {quote}", field=f"line {line}", remedy="close the quote")
    return word or None, at


def _cut_off(text: str, line: int) -> list[Unread]:
    """Return what an empty word hides from sbatch, or a # inside of a value."""
    end = max((at for _, at in _words(text, line)), default=0)
    rest = text[end:].strip()
    if end and text[end : end + 1] == "#":
        return [
            Unread(rest, line, "is a comment to sbatch, though it follows a value without a blank; quote the value")
        ]
    hidden = rest if rest[:2] in ('""', "''") and rest[2:].strip() else ""
    return [Unread(hidden, line, "sbatch reads no further on a line than an empty word")] if hidden else []


def _unheard(line: str, number: int, *, in_head: bool) -> Unread | None:
    """Return a line that looks like a directive and is none."""
    shown = line.strip()
    if line.startswith("#SBATCH"):
        return Unread(shown, number, AFTER_COMMAND)
    if in_head and OTHERS.match(line):
        return Unread(shown, number, OTHER_SYSTEM, is_lost=True)
    return Unread(shown, number, COMMENTED) if LOOKS_ALIKE.match(line) else None
