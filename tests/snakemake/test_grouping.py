"""Which jobs become one array, and when; what its table carries."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dagset.compile import compile_node
from dagset.model import DagNode, Identity
from snakemake_executor_plugin_jobset import table
from snakemake_executor_plugin_jobset.grouping import Rules, Waiting, array_identity, due, group_key, is_lone, split
from snakemake_executor_plugin_jobset.jobs import Member

IDENTITY = Identity(owner="test")
RULES = Rules(limit=3, window_s=1.0)


def node(**words: Any) -> DagNode:
    return DagNode(**{"name": "part", "image": "smk:1", "command": ["true"], **words})


def members(*tasks: str, **words: Any) -> tuple[Member, ...]:
    return tuple(Member(each, "part", f"make {each}", node(**words), replace(IDENTITY, task=each)) for each in tasks)


@pytest.mark.parametrize(
    ("words", "is_equal"),
    [
        ({"command": ["false"]}, True),
        ({"memory": "1Gi"}, False),
        ({"image": "smk:2"}, False),
        ({"volumes": {"a": {"persistent_volume_claim": "a", "mount_path": "/a"}}}, False),
        ({"name": "other"}, False),
        ({"ttl": "2d"}, False),
    ],
    ids=["command", "memory", "image", "volumes", "rule", "ttl"],
)
def test_jobs_of_equal_needs_have_one_key(words: dict[str, Any], is_equal: bool):
    assert is_equal == (group_key(*members("a")) == group_key(*members("b", **words)))


def test_jobs_that_run_otherwise_are_no_array():
    (plain,) = members("a")

    assert 3 == len({group_key(each) for each in (plain, replace(plain, bare=True), replace(plain, chunk=2))})


@pytest.mark.parametrize(
    ("words", "lone"),
    [({}, False), ({"coupling": "gang"}, True), ({"kind": "jobset"}, True), ({"success": "any"}, True)],
    ids=["plain", "gang", "jobset", "success"],
)
def test_what_is_more_than_one_pod_stays_a_node_of_its_own(words: dict[str, Any], lone: bool):
    assert lone == is_lone(node(**words))


@pytest.mark.parametrize(
    ("tasks", "now", "groups", "left"),
    [
        ("a", 10.0, ["a"], ""),
        ("ab", 10.0, [], "ab"),
        ("ab", 11.0, ["ab"], ""),
        ("abc", 10.0, ["abc"], ""),
        ("abcdefgh", 10.0, ["abc", "def"], "gh"),
        ("abcdefg", 10.0, ["abc", "def", "g"], ""),
    ],
    ids=["alone", "in the window", "after it", "full", "more than full", "one more than full"],
)
def test_jobs_wait_for_their_like_and_none_is_dropped(tasks: str, now: float, groups: list[str], left: str):
    came, waiting = due([Waiting(b"key", members(*tasks), since=10.0)], RULES, now=now)

    assert groups == ["".join(each.task for each in group) for group in came]
    assert left == "".join(each.task for group in waiting for each in group.members)


def test_a_table_that_is_too_large_is_halved():
    given = members("b", "a", "d", "c")
    large = 2 * table.FILES_LIMIT // 3
    for each in given:
        each.command = os.urandom(large // 2).hex()

    parts = list(split(given))

    assert [["a"], ["b"], ["c"], ["d"]] == [[each.task for each in part] for part in parts]
    assert [["a", "b", "c"]] == [[each.task for each in part] for part in split(members("c", "a", "b"))]


@pytest.mark.parametrize("size", [10, 100_000], ids=["plain", "compressed"])
def test_each_index_runs_its_own_command_and_the_tasks_are_read_back(size: int, tmp_path: Path):
    jobs = members("a", "b")
    jobs[0].command, jobs[1].command = "echo 'first\nline' $((1+1))", f"echo {'x' * size} | wc -c"
    array = table.array_node(node(), [jobs[:1], jobs[1:]], start=table.Start(python=sys.executable))
    (config_map,) = compile_node(array, IDENTITY).parts
    for name, file in array.files.items():
        (tmp_path / name).write_bytes(file.content)

    def said(index: int) -> str:
        environ = {**os.environ, "DAGSET_FILES": str(tmp_path), "DAGSET_INDEX": str(index)}
        return subprocess.run(array.command, env=environ, capture_output=True, text=True, check=True).stdout.strip()

    assert ["first\nline 2", str(size + 1)] == [said(0), said(1)]
    assert [["a"], ["b"]] == table.tasks_of(config_map)
    assert [size > 10, None] == ["binaryData" in config_map, table.tasks_of({"data": {"other": "x"}})]


def test_an_array_has_its_limits_for_each_job():
    alone = node(deadline="5m", abort_exit_codes=[7], max_disruptions=4, pod_patch={"spec": {"hostNetwork": True}})

    array = table.array_node(alone, [[each] for each in members("a", "b", "c")], start=table.Start())

    assert (3, "array", None, 12) == (array.pods, array.coupling, array.deadline, array.max_disruptions)
    assert {"spec": {"activeDeadlineSeconds": 300, "hostNetwork": True}} == array.roles[0].pod_patch
    with_logs = table.array_node(alone, [members("a", "b"), members("c")], start=table.Start(logs=Path("/logs")))
    spec = with_logs.roles[0].pod_patch["spec"]
    assert (2, 600, True) == (with_logs.pods, spec["activeDeadlineSeconds"], spec["hostNetwork"])
    assert [("main", ["DAGSET_JOB_NAME"])] == [
        (container["name"], [each["name"] for each in container["env"]]) for container in spec["containers"]
    ]
    assert ' --log /logs/part/"$DAGSET_JOB_NAME"-"$DAGSET_INDEX".log --each-s 300' in with_logs.command[-1]
    assert ((7, 134, 139), ()) == (array.fail_exit_codes, array.abort_exit_codes)


def test_an_array_is_the_same_for_the_same_jobs_only():
    keys = [array_identity(replace(IDENTITY, task=own), tasks).key for own, tasks in (("a", "ab"), ("b", "ab"))]

    assert keys[0] == keys[1] != array_identity(IDENTITY, "ac").key
