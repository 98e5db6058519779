"""The operators as a DAG file's process sees them: made, mapped, serialised, never run (probe.py)."""

import msgspec
import pytest

from dagset.model import DagNode, Role
from dagset.observe import REASONS
from dagset_airflow.words import WORDS

RAISED = {"retry": "AirflowException", "fail": "AirflowFailException"}


def test_words_are_the_models_own():
    fields = {field.name for struct in (DagNode, Role) for field in msgspec.structs.fields(struct)}

    assert fields == set(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_word_is_templated_mapped_and_taken_from_default_args(probe, word):
    rendered = ["rendered", {"key": "rendered.yaml"}]

    assert {"rendered": rendered, "by_default": "default", "mapped": True} == probe["words"][word]


def test_unknown_argument_is_refused_by_name(probe):
    assert "{'imagee': 'x'}" in probe["refused"]
    assert "JobSetOperator.expand() got an unexpected keyword argument 'imagee'" == probe["refused_by_expand"]


def test_no_argument_is_opened_as_a_template_file(probe):
    assert [] == probe["template_ext"]


def test_dag_with_every_word_is_serialised(probe):
    assert ["all_words", "node"] == probe["serialised"]


def test_dag_file_imports_no_kubernetes_client(probe):
    assert [] == probe["clients"]


@pytest.mark.parametrize("reason", REASONS)
def test_airflow_gets_the_verdict_of_the_table(probe, reason):
    raised = RAISED.get(REASONS[reason].airflow)

    assert (f"{raised}: Job ns/n {reason}: m\nhint: h" if raised else "returned") == probe["verdicts"][reason]


def test_skip_is_for_the_exit_codes_that_are_named(probe):
    assert "AirflowSkipException: Job ns/n app_error: m\nhint: h" == probe["verdicts"]["skip 3"]


def test_errors_that_time_may_mend_are_retried_and_others_are_not(probe):
    retried = {name for name, raised in probe["errors"].items() if raised == "AirflowException: why"}

    assert {"ClusterUnreachable", "Conflict"} == retried
    assert {"AirflowFailException: why"} == {probe["errors"][name] for name in probe["errors"].keys() - retried}
