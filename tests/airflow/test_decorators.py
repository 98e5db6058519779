"""Functions that run in pods: those of lab/functions.py through `dag.test()`, and what the pod runs by itself."""

import base64
import json
import pickle
import re

import pytest

from dagset_airflow import inside

SOURCE = "def echo(*args, **kwargs):\n    return [args, kwargs]\n"
FACTS = {"DAGSET_INDEX": "1", "DAGSET_PODS": "4", "DAGSET_ATTEMPT": "0"}


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Run a call as a pod does; return the exit code, what is written as the result, and what is said."""
    for name, value in FACTS.items():
        monkeypatch.setenv(name, value)

    def run(source=SOURCE, **words):
        (tmp_path / inside.FUNCTION).write_text(source)
        told = {"name": "echo", "facts": [], "serializer": "json", "args": [], "kwargs": {}, **words}
        (tmp_path / inside.CALL).write_text(json.dumps(told))
        (tmp_path / "message").write_text("")
        code = inside.main(str(tmp_path), str(tmp_path / "message"))
        return code, (tmp_path / "message").read_text(), capsys.readouterr().err

    return run


def test_result_is_what_the_function_returns_as_json(call):
    assert (0, '[[1, "b"], {"c": null}]', "") == call(args=[1, "b"], kwargs={"c": None})


def test_nothing_returned_is_no_result(call):
    assert (0, "", "") == call("def echo():\n    return None\n")


def test_pod_tells_what_is_asked_for(call):
    facts = {"index": 1, "pods": 4, "attempt": 0, "coordinator": None}

    assert (0, json.dumps([[], facts]), "") == call(facts=list(facts))


def test_pickled_arguments_arrive(call):
    pickled = base64.b64encode(pickle.dumps({"args": [{3}], "kwargs": {}})).decode()

    assert (0, "[3]", "") == call("def echo(a):\n    return sorted(a)\n", serializer="pickle", pickled=pickled)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "def echo():\n    return {1}\n",
            "echo() returned what JSON cannot say: Object of type set is not JSON serializable; "
            "return numbers, texts, lists\n",
        ),
        (
            "def echo():\n    return 'x' * 4095\n",
            "echo() returned 4097 bytes of JSON; a result has at most 4096; "
            "write it to a volume or an object store, and return where\n",
        ),
    ],
    ids=["no JSON", "too long"],
)
def test_what_cannot_be_told_fails_with_what_to_do(call, source, said):
    assert (1, "", said) == call(source)


@pytest.mark.cluster
def test_function_needs_a_worker(probe):
    said = "start_from_trigger: a function travels from a worker; take deferrable=True, which frees the worker later"

    assert said == probe["function_without_worker"]


@pytest.mark.cluster
def test_function_runs_on_every_index_and_its_results_are_the_tasks_value(lab):
    assert {"state": "success", "tries": 1, "xcom": [18, 32, 50]} == lab.task("square")
    assert [f"worker[{index}] {index} of 3: {{{{ factor }}}}" for index in range(3)] == lab.pod_lines("square")
    assert "succeeded" == lab.xcoms("square")["outcome"]["reason"]


@pytest.mark.cluster
def test_function_is_mapped_over_arguments(lab):
    assert [[1, 4, 9], [4, 9, 16]] == [lab.task("square_mapped", index)["xcom"] for index in (0, 1)]


@pytest.mark.cluster
def test_gang_is_given_its_coordinator_and_takes_the_results_before_it(lab):
    assert [None, {"values": [18, 32, 50], "leader": "-0-0"}] == lab.task("meet")["xcom"]


@pytest.mark.cluster
def test_arguments_that_json_cannot_say_travel_by_pickle_or_are_refused_before_anything_runs(lab):
    ((kind, text),) = lab.errors("by_json")

    assert [[1, 2]] == lab.task("by_pickle")["xcom"]
    assert ("AirflowFailException", {"state": "failed", "tries": 1, "xcom": None}) == (kind, lab.task("by_json"))
    assert (
        "arguments: cannot travel by json: Object of type set is not JSON serializable; "
        "give numbers, texts, lists and mappings, or serializer='pickle' or 'cloudpickle'"
    ) == text


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("too_long", "too_long() returned 4097 bytes of JSON; a result has at most 4096; "),
        ("broken", 'dagset_function.py", line 4, in broken\n        raise KeyError("no such row")'),
    ],
)
def test_function_that_fails_tells_where(lab, task, said):
    ((kind, text),) = lab.errors(task)

    assert ("AppError", "app_error") == (kind, lab.xcoms(task)["outcome"]["reason"])
    assert said in re.sub(r"\n +\^+", "", text)
