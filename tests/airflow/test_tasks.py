"""What becomes of tasks: the cases of lab/dag.py through `dag.test()`, on the local cluster."""

import re

import pytest

from tests.realcluster.fixtures import must_have

pytestmark = pytest.mark.cluster

RUN_ID = "manual__2026-01-01T00:00:00+00:00"
NAME = re.compile(r"[a-z0-9-]+-[0-9a-f]{8}")
HINT = "hint: Read the pod's last lines; `restarts` has Kubernetes run it again, the engine's retries run it anew."
FAILED_AT_ONCE = {"state": "failed", "tries": 1, "xcom": None}
LINK = "dagset_link_all_pods"


def test_success_pushes_the_outcome_as_plain_json(lab):
    told = lab.task("Group.one_pod")
    changing = {word: told["xcom"][word] for word in ("name", "uid", "started_at", "finished_at")}

    assert NAME.fullmatch(changing["name"])
    assert None not in changing.values()
    outcome = {
        "namespace": "default",
        "kind": "Job",
        "phase": "succeeded",
        "reason": "succeeded",
        "message": "1 of 1 pod succeeded",
        "hint": "",
        "exit_code": 0,
        "first_failed": None,
        "failed_indexes": "",
        "succeeded": 1,
        "pods": 1,
        "restarts": 0,
        "disruptions": 0,
        "attempts": [],
        "queued_s": 0.0,
        "gone": False,
    }
    assert {"state": "success", "tries": 1, "xcom": outcome | changing} == told


def test_task_log_tells_where_what_and_how_it_ended(lab):
    where, created, *_, succeeded, deleted = lab.lines["Group.one_pod", -1]
    title = f"Job default/{lab.task('Group.one_pod')['xcom']['name']}"

    assert where.endswith("(context dagset-local), namespace default")
    assert f"{title} created" == created
    assert "succeeded: 1 of 1 pod succeeded" == succeeded
    assert f"{title} deleted (keep: failed)" == deleted


def test_manifests_are_in_a_group_of_the_log_without_what_is_in_files(lab):
    lines = lab.lines["templated", -1]
    group = lines[2 : lines.index("::endgroup::")]

    assert f"::group::Manifests of Job default/{lab.task('templated')['xcom']['name']}" == group[0]
    assert ["kind: Job", "kind: ConfigMap"] == [line for line in group if line.startswith("kind:")]
    assert "  note: '(33 bytes)'" in group


def test_link_is_there_by_its_template_while_the_node_runs_and_after(lab):
    name = lab.task("gang")["xcom"]["name"]
    link = f"https://d/default/jobsets/{name}?run=manual__2026-01-01T00%3A00%3A00%2B00%3A00&{{what}}"

    assert {LINK: link} == lab.xcoms("gang")
    assert LINK in lab.xcoms("killed")


def test_results_are_a_list_by_index_or_such_a_list_for_each_role(lab):
    pushed = {task: lab.xcoms(task) for task in ("results", "results_of_roles", "silent")}

    assert ["0\n", None, "2\n"] == pushed["results"].pop("results")
    assert {"leader": ["0.97\n"]} == pushed["results_of_roles"].pop("results")
    assert [[LINK]] * 3 == [list(each) for each in pushed.values()]


def test_lines_of_every_pod_are_in_the_task_log(lab):
    assert ["worker[0] 0 of 2", "worker[1] 1 of 2"] == lab.pod_lines("gang")
    assert "JobSet" == lab.task("gang")["xcom"]["kind"]


def test_app_error_is_retried_with_a_new_node(lab):
    errors, task = lab.errors("app_error"), lab.task("app_error")

    outcome = task.pop("xcom")
    assert ("failed", "app_error", 3) == (outcome["phase"], outcome["reason"], outcome["exit_code"])
    assert {"state": "failed", "tries": 2} == task
    assert ["AppError"] * 2 == [kind for kind, _ in errors]
    name, told = errors[0][1].removeprefix("Job default/").split(" ", 1)
    assert NAME.fullmatch(name)
    assert re.fullmatch(rf"app_error: worker\[0\] exited 3 on \S+: no such row\n{re.escape(HINT)}", told)
    assert [["app_error", 1], ["app_error", 2]] == [row for row in lab.kept if row[0] == "app_error"]


def test_failed_fast_is_not_retried(lab):
    ((kind, text),) = lab.errors("failed_fast")

    assert {**FAILED_AT_ONCE, "xcom": lab.task("failed_fast")["xcom"]} == lab.task("failed_fast")
    assert ("FailedFast", "failed_fast") == (kind, lab.task("failed_fast")["xcom"]["reason"])
    assert "failed_fast: worker[0] exited 139 (SIGSEGV)" in text


def test_exit_code_to_skip_on_skips(lab):
    task = lab.task("skipped")

    assert ("skipped", 1, "app_error") == (task["state"], task["tries"], task["xcom"]["reason"])


def test_what_failed_is_kept_and_what_succeeded_is_not_unless_asked(lab):
    twice = [[task, attempt] for task in ("app_error", "deferred_error") for attempt in (1, 2)]

    assert [*twice, ["failed_fast", 1], ["kept", 1], ["skipped", 1]] == lab.kept


def test_mapped_over_pods_gives_a_node_each(lab):
    first, second = (lab.task("mapped_pods", index)["xcom"] for index in (0, 1))

    assert [1, 2] == [first["pods"], second["pods"]]
    assert first["name"] != second["name"]
    assert ["worker[0] 0", "worker[1] 1"] == lab.pod_lines("mapped_pods", 1)


def test_mapped_command_is_rendered_for_each(lab):
    assert ["worker[0] 0"] == lab.pod_lines("mapped_command", 0)
    assert ["worker[0] second"] == lab.pod_lines("mapped_command", 1)


def test_number_from_another_task_stays_a_number(lab):
    assert ["worker[0] 2", "worker[1] 2"] == lab.pod_lines("from_xcom")


def test_templates_in_words_are_rendered(lab):
    assert [f"worker[0] x templated {RUN_ID}"] == lab.pod_lines("templated")
    assert lab.task("templated")["xcom"]["name"].startswith("x-node-")


def test_node_file_is_read_then_rendered_and_its_files_are_not(lab):
    shipped = "worker[0] a file keeps its {{ braces }} and {% marks %}"

    assert [f"worker[0] {RUN_ID} in lab", shipped] == lab.pod_lines("from_file")
    assert ["worker[0] argument in lab", shipped] == lab.pod_lines("from_file_with_words")
    assert [f"worker[0] {RUN_ID} in {{{{ dag.dag_id }}}}", shipped] == lab.pod_lines("from_node")


def test_words_beside_a_node_file_win(lab):
    assert lab.task("from_file")["xcom"]["name"].startswith("from-file-")
    assert lab.task("from_file_with_words")["xcom"]["name"].startswith("other-")


def test_kubeconfig_of_a_connection_is_used(lab):
    assert ["worker[0] hello"] == lab.pod_lines("by_connection")


def test_node_that_a_lost_worker_left_is_followed_not_doubled(lab):
    _, warning, attached, *_ = lab.lines["left_running", -1]

    assert warning.endswith("still running with another spec: following that one, the new spec is not used")
    assert attached.endswith("is running already: following it")
    assert ["worker[0] let go"] == lab.pod_lines("left_running")
    assert "success" == lab.task("left_running")["state"]


def test_killed_task_deletes_its_node_and_does_not_succeed(lab):
    errors = lab.errors("killed")

    assert {"state": "failed", "tries": 2, "xcom": None} == lab.task("killed")
    assert ["AirflowException"] * 2 == [kind for kind, _ in errors]
    assert re.fullmatch(r"killed: Job default/killed-[0-9a-f]{8} was cancelled and is gone", errors[0][1])


def test_execution_timeout_deletes_the_node(lab):
    assert ["AirflowTaskTimeout"] == [kind for kind, _ in lab.errors("timed_out")]
    assert re.fullmatch(r"Job default/timed-out-[0-9a-f]{8} is gone", lab.lines["timed_out", -1][-1])


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("invalid", "pods: 0 does not fit: expected a whole number >= 1; for example pods: 4"),
        ("wrong_coupling", "coupling: 'gang', but this operator's nodes have coupling: array; "),
        ("no_file", "none.yaml: cannot be read: No such file or directory; check the path"),
        ("two_clusters", "cluster: cluster and config_file each name a cluster; give one of them"),
        ("no_context", "cluster_context: 'x' is a context of no kubeconfig; remove it, or give config_file"),
        ("no_kubeconfig", "kubeconfig /none/x: No such file or directory"),
    ],
)
def test_what_somebody_has_to_mend_fails_at_once_and_says_what(lab, task, text):
    ((kind, told),) = lab.errors(task)

    assert lab.task(task) == FAILED_AT_ONCE
    assert "AirflowFailException" == kind
    assert text in told


def test_example_trains_and_hands_its_outcome_on(lab):
    assert "leader[0] test accuracy 0.967 (29 of 30)" in lab.pod_lines("iris.train")
    outcome = lab.task("iris.train")["xcom"]
    assert f"{outcome['name']} succeeded with 4 pods, 0 restarts" == lab.task("iris.report")["xcom"]


def test_example_of_an_all_reduce_starts_again_after_a_lost_pod(lab):
    must_have("python3-torch")
    outcome = lab.task("allreduce.torch")["xcom"]

    assert ("succeeded", 3, 1) == (outcome["phase"], outcome["succeeded"], outcome["restarts"])
    sums = sorted(line for line in lab.lines["allreduce.torch", -1] if "attempt 1" in line)
    assert [f"worker[{n}]#1 [default0]:rank {n} of 3, attempt 1: sum 6" for n in range(3)] == sums


def test_example_of_many_nodes_hands_results_on_and_tells_of_the_failure(lab):
    assert [142, 144] == lab.task("many.combine")["xcom"]
    assert {"leader": ["[142, 144]\n"]} == {**lab.xcoms("many.gather")}["results"]
    assert [f"worker[0] {i} {name}" for i, name in enumerate(["first", "second", "third"])] == [
        line for i in range(3) for line in lab.pod_lines("many.convert", i)
    ]
    assert "286 in all; failed_indexes: 1" == lab.task("many.report")["xcom"]
