"""The trigger driven by hand, and what becomes of a task without its trigger (lab/driving.py)."""

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dagset.run.stopping import Stopped, listening
from dagset_airflow.legs import Leg

pytestmark = pytest.mark.cluster

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def driven(airflow_environ, local_cluster):
    done = subprocess.run(
        [sys.executable, HERE / "lab" / "driving.py", local_cluster],
        env={**airflow_environ, "DAGSET_CLUSTER": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_event_is_the_outcome_and_the_same_when_asked_again(driven):
    told = driven["succeeds"]
    event, ref = told["event"], told["event"]["ref"]

    assert (["keep", "outcome", "ref"], "never") == (sorted(event), event["keep"])
    assert ("succeeded", ref["uid"]) == (event["outcome"]["reason"], event["outcome"]["uid"])
    assert (True, True) == (told["again"], told["is there"])


def test_event_is_held_back_until_the_worker_has_ended(driven):
    assert driven["is_held_back"]


def test_scheduler_fails_a_task_that_is_back_before_its_worker_is_known_to_have_ended(lab):
    """Why the event is held back: only while the task is deferred is the news harmless, whatever becomes of it next."""
    assert {"deferred": "deferred", "scheduled": "scheduled", "queued": "failed", "running": "failed"} == lab.late


def test_node_is_cancelled_when_the_time_is_over(driven):
    assert {"event": ["keep", "ref", "timed_out"], "is there": False} == driven["times_out"]


def test_kill_cancels_the_node_and_a_hand_over_does_not(driven):
    assert {"is there": False} == driven["is_killed"]
    assert {"is there": True} == driven["is_handed_over"]


def test_sweep_deletes_what_is_over_and_followed_by_nobody_in_an_airflow_with_a_name(driven):
    assert [["over", "wanted"], ["over", "wanted"], ["wanted"]] == driven["swept"]


def test_trigger_that_cannot_learn_why_it_ends_leaves_its_node_alone(driven):
    assert driven["deferred, as nobody can say"]


def test_what_cannot_be_followed_from_there_is_told_and_does_not_raise(driven):
    assert "kubeconfig /none/x: No such file or directory" in driven["has_trouble"]


def test_node_that_is_not_there_is_left_to_the_worker_for_this_may_be_another_cluster(driven):
    assert re.fullmatch(r"it is not there \(https://.*, namespace default\)", driven["is_gone"])


def test_triggers_of_one_cluster_share_it_until_the_last_has_ended(driven):
    assert {"clusters of three": 1, "left open": 0} == driven["share"]


def test_task_without_trigger_follows_its_node_from_the_worker(driven):
    assert {"told": "succeeded", "is there": False} == driven["trigger failed"]


def test_task_whose_trigger_timed_out_cancels_its_node(driven):
    assert {"raised": "TaskDeferralTimeout", "is there": False} == driven["trigger timed out"]


def test_execution_timeout_holds_from_the_start_of_the_try_whoever_follows(driven):
    assert {"raised": "AirflowTaskTimeout", "is there": False} == driven["trigger failed late"]


def test_task_without_worker_has_one_node_however_often_its_trigger_begins(driven):
    told = {"uids": 1, "path": True, "states": ["success", "success"]}

    assert told | {"is there": False} == driven["begins_twice"]


def test_what_cannot_begin_in_the_triggerer_is_left_to_a_worker(driven):
    assert ["keep", "trouble"] == driven["cannot_begin"]


def test_first_try_that_counts_is_the_one_after_the_last_clear(driven):
    assert [1, 1, 1, 2, 5, 1, 1] == driven["first tries"]


def test_trigger_goes_through_serialisation_and_holds_no_secrets(driven):
    ref = {"kind": "Job", "namespace": "n", "name": "a", "uid": "u"}
    given = {"ref": ref, "keep": "never", "until": 1.5, "not_before": 2.0}

    told = driven["serialised"]
    where = told["given"].pop("where")
    assert ("dagset_airflow.triggers.NodeTrigger", given, True) == (told["path"], told["given"], told["same"])
    assert ["config_file", "namespace"] == sorted(where)


def test_deferred_task_pushes_the_outcome_and_deletes_its_node(lab):
    told = lab.task("deferred")

    assert ("success", "succeeded") == (told["state"], told["xcom"]["reason"])
    assert f"Job default/{told['xcom']['name']} is followed by the triggerer from here" in lab.lines["deferred", -1]
    assert f"Job default/{told['xcom']['name']} deleted (keep: failed)" == lab.lines["deferred", -1][-1]


def test_error_of_a_deferred_node_is_retried_and_told_as_ever(lab):
    errors = lab.errors("deferred_error")

    task = lab.task("deferred_error")

    assert ("failed", 2, "app_error") == (task["state"], task["tries"], task["xcom"]["reason"])
    assert ["AppError"] * 2 == [kind for kind, _ in errors]
    assert " app_error: worker[0] exited 3 on " in errors[0][1]


def test_node_that_ends_early_is_not_deferred_and_all_its_lines_are_told(lab):
    assert "success" == lab.task("ended_early")["state"]
    assert ["worker[0] done"] == lab.pod_lines("ended_early")
    assert [] == [line for line in lab.lines["ended_early", -1] if "triggerer" in line]


def test_execution_timeout_of_a_deferred_task_is_told_as_such(lab):
    ((kind, text),) = lab.errors("deferred_late")

    assert "AirflowTaskTimeout" == kind
    assert re.fullmatch(
        r"execution_timeout is over: Job default/deferred-late-[0-9a-f]{8} was cancelled and is gone", text
    )


def test_killed_leg_stops_what_goes_on_and_what_begins_later():
    leg, told = Leg(), []
    leg.parts(lambda: told.append("farewell"))

    with leg.stopping() as stop:
        threading.Timer(0.01, leg.kill).start()
        with pytest.raises(Stopped), listening(stop) as incoming:
            incoming.wait(None)
    with leg.stopping() as later:
        assert (True, True, ["farewell"]) == (later.is_set(), leg.is_killed, told)


def test_leg_stops_when_its_time_is_over():
    with Leg().stopping(after_s=0.01) as stop, pytest.raises(Stopped), listening(stop) as incoming:
        incoming.wait(None)
