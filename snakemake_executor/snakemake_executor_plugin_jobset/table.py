"""What each index of an array runs: a table that travels with the node as one of its files."""

import gzip
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from dagset import constants
from dagset.model import DagNode
from dagset.model.node import File
from snakemake_executor_plugin_jobset.jobs import Member
from snakemake_executor_plugin_jobset.words import changed, shell

__all__ = ["RUNNER", "TABLE", "Start", "array_node", "chunks", "fits", "name_of_log", "tasks_of"]

RUNNER, TABLE, ZIPPED = "dagset-index.py", "dagset-jobs.jsonl", "dagset-jobs.jsonl.gz"
BARE = "dagset-jobs.sh"  # what the indexes of bare jobs run, whose image may have no Python
ZIPPED_FROM = 64 * 1024  # smaller tables can be read with kubectl
FILES_LIMIT = 900 * 1024  # dagset: core/dagset/model/checks.py
SCRIPT = Path(__file__).parent / "pod" / "index.py"
JOB_NAME = "DAGSET_JOB_NAME"
JOB_NAME_LABEL = "batch.kubernetes.io/job-name"  # kubernetes/api: batch/v1/types.go, JobNameLabel
SNAKEMAKE = "-m snakemake"
# Of a command nothing but words, quoted or not: none that the shell would make another one of.
PLAIN = re.compile(r"""(?:[\w@%+=:,./\- ]|'[^']*'|"[^"$`\\]*")*""", re.ASCII)


@dataclass(frozen=True, slots=True)
class Start:
    """How a pod starts Python: `setup` are steps of the shell, or none, and `python` a word of it.

    `logs` is the folder that pods write the logs of their jobs to, None where they do not find it.
    """

    python: str = "python"
    setup: str = ""
    logs: Path | None = None


def chunks(members: Sequence[Member]) -> list[tuple[Member, ...]]:
    """Return what each index runs; `members` ask for chunks of the same size."""
    size = members[0].chunk
    return [tuple(members[first : first + size]) for first in range(0, len(members), size)]


def array_node(node: DagNode, rows: Sequence[Sequence[Member]], *, start: Start) -> DagNode:
    """Return the array of one pod per row, which runs what `node` would for each of the row's jobs in turn.

    A deadline becomes each job's own, from its start: of the whole array it would count also for those that wait for
    room. Codes that abort a node fail their index only, and free restarts are allowed for each job.

    Args:
        node: of one role and one pod.
        rows: the jobs by index.
        start: how the pod starts Python.
    """
    size = max(map(len, rows))
    bare = rows[0][0].bare
    return changed(
        node,
        first={
            "pods": len(rows),
            "command": shell(f'. "$DAGSET_FILES/{BARE}"', hears=True) if bare else shell(_command(node, rows, start)),
            "args": (),
            "pod_patch": _patched(node, size, named=start.logs is not None and not bare),
        },
        coupling="array",
        deadline=None,
        files={**node.files, **_files(rows, start)},
        fail_exit_codes=(*node.fail_exit_codes, *node.abort_exit_codes),
        abort_exit_codes=(),
        max_disruptions=None if node.max_disruptions is None else node.max_disruptions * len(rows),
    )


def _command(node: DagNode, rows: Sequence[Sequence[Member]], start: Start) -> str:
    words = ["exec", start.python, f'"$DAGSET_FILES/{RUNNER}"']
    size = max(map(len, rows))
    if start.logs is not None:
        log = shlex.quote(str(start.logs / rows[0][0].rule)), name_of_log(f'"${JOB_NAME}"', '"$DAGSET_INDEX"')
        words += ["--log", "/".join(log)]
    if size > 1 and node.deadline_s is not None:
        words += ["--each-s", str(node.deadline_s)]
    if size > 1 and any(arguments_of(member.command, start) for row in rows for member in row):
        words.append("--fork")
    return f"{start.setup}{' && ' * bool(start.setup)}{' '.join(words)}"


def name_of_log(name: str, index: int | str, *, place: int | None = None) -> str:
    """Return the name of a job's log: of the index, or of one of several that the index runs."""
    return f"{name}-{index}.log" if place is None else f"{name}-{index}-{place}.log"


def _patched(node: DagNode, size: int, *, named: bool) -> dict[str, Any]:
    """Return the pod patch with what the words of a node cannot say: the pod's own deadline, and its Job's name."""
    patch = dict(node.roles[0].pod_patch)
    spec = dict(patch.get("spec") or {})
    if node.deadline_s is not None:
        spec.setdefault("activeDeadlineSeconds", node.deadline_s * size)
    if not named:
        return {**patch, "spec": spec} if spec else patch
    name = {"name": JOB_NAME, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{JOB_NAME_LABEL}']"}}}
    containers = [dict(container) for container in spec.get("containers") or []]
    main = next((each for each in containers if each.get("name") == constants.MAIN_CONTAINER), None)
    if main is None:
        main = {"name": constants.MAIN_CONTAINER}
        containers.append(main)
    main["env"] = [name, *(main.get("env") or [])]
    return {**patch, "spec": {**spec, "containers": containers}}


def arguments_of(command: str, start: Start) -> list[str] | None:
    """Return what a command hands to Snakemake, None when it is more than one start of it."""
    before = " && ".join(filter(None, [start.setup, f"{start.python} {SNAKEMAKE} "]))
    arguments = command.removeprefix(before)
    if arguments == command or PLAIN.fullmatch(arguments) is None:
        return None
    return shlex.split(arguments)


def fits(node: DagNode, rows: Sequence[Sequence[Member]]) -> bool:
    """Whether the rows can travel with the node."""
    sizes = [len(file.encoded()[0]) for file in (*node.files.values(), *_files(rows, Start()).values())]
    return sum(sizes) <= FILES_LIMIT


def tasks_of(config_map: Mapping[str, Any]) -> list[list[str]] | None:
    """Return the tasks of each index from the ConfigMap that carried a table; None when it carries none."""
    import base64

    zipped = (config_map.get("binaryData") or {}).get(ZIPPED)
    text = (config_map.get("data") or {}).get(TABLE)
    try:
        lines = gzip.decompress(base64.b64decode(zipped)) if zipped else (text or "").encode()
        return [[job["task"] for job in json.loads(line)] for line in lines.splitlines()] or None
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None


def _files(rows: Sequence[Sequence[Member]], start: Start) -> dict[str, File]:
    table = b"".join(msgspec.json.encode([_job(member, start, len(row)) for member in row]) + b"\n" for row in rows)
    bare = rows[0][0].bare
    runner = {BARE: File(text=_cases(rows))} if bare else {RUNNER: File(text=SCRIPT.read_text())}
    if len(table) < ZIPPED_FROM:
        return {**runner, TABLE: File(text=table.decode())}
    return {**runner, ZIPPED: File(data=gzip.compress(table, mtime=0))}


def _cases(rows: Sequence[Sequence[Member]]) -> str:
    cases = "".join(f"{index})\n{member.command}\n;;\n" for index, (member,) in enumerate(rows))
    return f'case "$DAGSET_INDEX" in\n{cases}esac\n'


def _job(member: Member, start: Start, size: int) -> dict[str, Any]:
    if member.bare:
        return {"task": member.task}
    arguments = arguments_of(member.command, start) if size > 1 else None
    what = {"command": member.command} if arguments is None else {"arguments": arguments}
    return {"task": member.task, **what}
