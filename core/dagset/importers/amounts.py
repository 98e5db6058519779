"""Values of sbatch's options, read as Slurm reads them. Each function raises InvalidNode where sbatch refuses.

Source: SchedMD/slurm: src/common/parse_time.c, proc_args.c, slurm_protocol_defs.c (slurm_parse_array_tok), hostlist.c.
"""

import itertools
import math
import re
from dataclasses import dataclass

from dagset.errors import InvalidNode
from dagset.model.showing import shown

__all__ = [
    "Array",
    "Gpus",
    "array_of",
    "count_of",
    "gpus_of",
    "hosts_of",
    "minutes_of",
    "mib_of",
    "nodes_of",
    "pieces_of",
]

N = r"(\d{1,18})"  # more digits mean nothing to Slurm, and Python reads no more than 4,300
CLOCK = re.compile(rf"(?:{N}-(\d{{0,18}})(?::{N})?(?::{N})?|{N}(?::{N})?(?::{N})?)")
MEMORY = re.compile(rf"{N}(?:([kmgt])b?)?", re.IGNORECASE)
MIB = {"": 1, "m": 1, "g": 1024, "t": 1024**2}
COUNT = re.compile(r"0{0,18}[1-9]\d{0,17}")
NODES = re.compile(rf"{N}(k?)(m?)(?:-{N}(k?)(m?))?", re.IGNORECASE)
TASK_IDS = re.compile(rf"\[?{N}\]?(?:-{N}\]?(?::{N}\]?)?)?(?:%(\d{{0,18}}).*)?")
GPU = re.compile(r"(?:gres[:/])?gpu(?::([^:,=\d][^:,=]*))?(?::(\d{1,18})([km]?))?", re.IGNORECASE)
GPU_COUNT = re.compile(r"(?:([^:,=\d][^:,=]*):)?(\d{1,18})")
MAX_TASKS = 4_000_001  # the largest MaxArraySize that Slurm takes (doc/man/man5/slurm.conf.5)
MAX_HOSTS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Array:
    """The task ids of an array, ascending, and how many run at once (None: all)."""

    ids: tuple[int, ...]
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Gpus:
    """GPUs of each node, job, task or socket; the kind is the site's own name, "" for any."""

    count: int
    kind: str = ""


def minutes_of(text: str) -> int | None:
    """Return minutes, seconds rounded up to one; None without a limit. 30:00 is half an hour."""
    if text.upper() in ("-1", "INFINITE", "UNLIMITED"):
        return None
    match = CLOCK.fullmatch(text)
    if match is None:
        remedy = "write minutes, 30:00 (minutes:seconds), 1:30:00 or 1-12 (days-hours)"
        raise InvalidNode(f"{shown(text)} is no time to Slurm", remedy=remedy)
    days, *clock = (int(part or 0) for part in match.groups()[:4])
    if match[5] is not None:
        parts = [int(part) for part in match.groups()[4:] if part is not None]
        clock = parts if len(parts) == 3 else [0, *parts, 0][:3]
    hours, minutes, seconds = clock
    return math.ceil((days * 86400 + hours * 3600 + minutes * 60 + seconds) / 60) or None


def mib_of(text: str) -> int:
    """Return MiB, which is also the unit of a bare number; K, M, G and T are powers of 1024."""
    match = MEMORY.fullmatch(text)
    if match is None:
        remedy = "write 4096 (MiB) or 4G; no fractions"
        raise InvalidNode(f"{shown(text)} is no amount of memory to Slurm", remedy=remedy)
    unit = (match[2] or "").lower()
    return math.ceil(int(match[1]) / 1024) if unit == "k" else int(match[1]) * MIB[unit]


def count_of(text: str) -> int:
    """Return a number from 1."""
    if not COUNT.fullmatch(text):
        raise InvalidNode(f"{shown(text)} is no count", remedy="write a whole number from 1 (short options take no =)")
    return int(text)


def nodes_of(text: str) -> tuple[int, int]:
    """Return the least and the largest number of hosts; of a list (Slurm 23.11), its least and largest."""
    if "," in text or ":" in text:
        ids = array_of(text).ids
        return ids[0], ids[-1]
    match = NODES.fullmatch(text)
    if match is None:
        raise InvalidNode(f"{shown(text)} is no number of nodes", remedy="write 2, or 2-4")
    least = int(match[1]) * 1024 ** len(match[2]) * 1024 ** (2 * len(match[3]))
    most = int(match[4]) * 1024 ** len(match[5]) * 1024 ** (2 * len(match[6])) if match[4] else least
    if most < least or least == 0:
        raise InvalidNode(f"{shown(text)} is no range of nodes", remedy="write the least first, from 1")
    return least, most


def array_of(text: str) -> Array:
    """Return the ids of an array; of several limits, Slurm takes the first."""
    ids: set[int] = set()
    limits: list[str] = []
    for token in filter(None, text.split(",")):
        match = TASK_IDS.fullmatch(token)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, MAX_TASKS)
        step = int(match[3] or 1) if match else 0
        if match is None or last < first or last >= MAX_TASKS or step == 0:
            raise InvalidNode(f"{shown(text)} is no array to Slurm", remedy="write 0-15, 1,3,5-7 or 0-15:4%2")
        ids.update(range(first, last + 1, step))
        limits += [match[4]] if match[4] is not None else []
    if not ids:
        raise InvalidNode(f"{shown(text)} is an empty array", remedy="write 0-15")
    return Array(tuple(sorted(ids)), int(limits[0] or 0) or None if limits else None)


def pieces_of(ids: tuple[int, ...]) -> str:
    """Return ids as the shortest list of first-last:step that reads from left to right: 0,4,8,20 is 0-8:4,20."""
    pieces: list[str] = []
    at = 0
    while at < len(ids):
        step = ids[at + 1] - ids[at] if at + 1 < len(ids) else 0
        end = at
        while step and end + 1 < len(ids) and ids[end + 1] - ids[end] == step:
            end += 1
        if end - at < 2 and step != 1:
            end = at
        text = f"{ids[at]}-{ids[end]}" if end > at else f"{ids[at]}"
        pieces.append(f"{text}:{step}" if end > at and step > 1 else text)
        at = end + 1
    return ",".join(pieces)


def gpus_of(text: str, *, in_gres: bool) -> tuple[Gpus, tuple[str, ...]]:
    """Return the GPUs of a value, and what it asks for beside them.

    Args:
        text: `4` or `a100:4`; in --gres `gpu`, `gpu:4` or `gpu:a100:4` and other resources, separated by commas.
        in_gres: which of the two.
    """
    found: list[Gpus] = []
    others: list[str] = []
    for token in filter(None, text.split(",")):
        match = (GPU if in_gres else GPU_COUNT).fullmatch(token)
        if match is not None:
            unit = 1024 ** " km".index(match[3].lower() or " ") if in_gres and match[3] is not None else 1
            found.append(Gpus(int(match[2] or 1) * unit, match[1] or ""))
        elif in_gres and "=" not in token and re.match(r"[A-Za-z]", token):
            others += [token] if token.lower() != "none" else []
        else:
            raise InvalidNode(f"{shown(text)} is no generic resource to Slurm", remedy="write gpu:4 or gpu:a100:4")
    kinds = sorted({each.kind for each in found if each.kind})
    return Gpus(sum(each.count for each in found), ",".join(kinds)), tuple(others)


def hosts_of(text: str) -> tuple[str, ...]:
    """Return the host names of a list such as `n[01-04,07],login1`, in its order, once each."""
    names: list[str] = []
    for part in re.findall(r"(?:[^,\[\]]|\[[^\]]*\])+", text):
        pieces = re.split(r"\[([^\]]*)\]", part)
        choices = [_numbers(piece, text) if place % 2 else [piece] for place, piece in enumerate(pieces)]
        if math.prod(map(len, choices)) + len(names) > MAX_HOSTS:
            raise InvalidNode(f"{shown(text)} names more than {MAX_HOSTS} hosts", remedy="give fewer")
        names += ["".join(choice) for choice in itertools.product(*choices)]
    if not names:
        raise InvalidNode(f"{shown(text)} names no host", remedy="write n[01-04] or n01,n02")
    return tuple(dict.fromkeys(names))


def _numbers(text: str, whole: str) -> list[str]:
    """Return the numbers of one bracket, with the zeros that its first numbers have."""
    found: list[str] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", part)
        if match is None or int(match[2] or match[1]) < int(match[1]) or int(match[2] or 0) - int(match[1]) > MAX_HOSTS:
            raise InvalidNode(f"{shown(whole)} is no list of hosts", remedy="write n[01-04] or n01,n02")
        found += [str(number).zfill(len(match[1])) for number in range(int(match[1]), int(match[2] or match[1]) + 1)]
    return found
