"""What each index of an array runs: a table that travels with the node as one of its files."""

import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from dagset.model import DagNode
from dagset.model.node import File
from snakemake_executor_plugin_jobset.words import changed, shell

__all__ = ["RUNNER", "TABLE", "array_node", "fits", "tasks_of"]

RUNNER, TABLE, ZIPPED = "dagset-index.py", "dagset-jobs.jsonl", "dagset-jobs.jsonl.gz"
ZIPPED_FROM = 64 * 1024  # smaller tables can be read with kubectl
FILES_LIMIT = 900 * 1024  # dagset: core/dagset/model/checks.py
# Runs in the pod, with the Python that the job's own command starts; nothing but the standard library is there.
SCRIPT = f"""\
import gzip, itertools, json, os
place, index = os.environ["DAGSET_FILES"], int(os.environ["DAGSET_INDEX"])
zipped = os.path.join(place, "{ZIPPED}")
table = gzip.open(zipped) if os.path.exists(zipped) else open(os.path.join(place, "{TABLE}"), "rb")
line = next(itertools.islice(table, index, None))
os.execv("/bin/sh", ["/bin/sh", "-c", json.loads(line)["command"]])
"""


def array_node(node: DagNode, rows: Sequence[tuple[str, str]], *, python: str) -> DagNode:
    """Return the array of one pod per row that runs what `node` alone would, each with its own command.

    A deadline becomes each pod's own, from its start: of the whole array it would count also for those that wait for
    room. Codes that abort a node fail their index only, and free restarts are allowed for each job.

    Args:
        node: of one role and one pod.
        rows: task and command by index.
        python: how the pod starts Python, as a word of the shell.
    """
    patch = node.roles[0].pod_patch
    if node.deadline_s is not None:
        own = {"activeDeadlineSeconds": node.deadline_s}
        patch = {**patch, "spec": {**own, **(patch.get("spec") or {})}}
    command = shell(f'exec {python} "$DAGSET_FILES/{RUNNER}"')
    return changed(
        node,
        first={"pods": len(rows), "command": command, "args": (), "pod_patch": patch},
        coupling="array",
        deadline=None,
        files={**node.files, **_files(rows)},
        fail_exit_codes=(*node.fail_exit_codes, *node.abort_exit_codes),
        abort_exit_codes=(),
        max_disruptions=None if node.max_disruptions is None else node.max_disruptions * len(rows),
    )


def fits(node: DagNode, rows: Sequence[tuple[str, str]]) -> bool:
    """Whether the rows can travel with the node."""
    sizes = [len(file.encoded()[0]) for file in (*node.files.values(), *_files(rows).values())]
    return sum(sizes) <= FILES_LIMIT


def tasks_of(config_map: Mapping[str, Any]) -> list[str] | None:
    """Return the tasks by index from the ConfigMap that carried a table; None when it carries none."""
    import base64

    zipped = (config_map.get("binaryData") or {}).get(ZIPPED)
    text = (config_map.get("data") or {}).get(TABLE)
    try:
        lines = gzip.decompress(base64.b64decode(zipped)) if zipped else (text or "").encode()
        return [json.loads(line)["task"] for line in lines.splitlines()] or None
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None


def _files(rows: Sequence[tuple[str, str]]) -> dict[str, File]:
    table = b"".join(msgspec.json.encode({"task": task, "command": command}) + b"\n" for task, command in rows)
    runner = {RUNNER: File(text=SCRIPT)}
    if len(table) < ZIPPED_FROM:
        return {**runner, TABLE: File(text=table.decode())}
    return {**runner, ZIPPED: File(data=gzip.compress(table, mtime=0))}
