"""The operators as a DAG file's process sees them: made, mapped, serialised, never run (probe.py)."""

import subprocess
import sys

import msgspec
import pytest

from dagset.model import DagNode, node_from
from dagset.model.layers import ROLE_WORDS
from dagset_airflow.words import WORDS
from tests.samples import BASE, SAMPLES


def test_words_are_the_models_own():
    fields = {field.name for field in msgspec.structs.fields(DagNode)}

    assert fields | ROLE_WORDS == set(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_word_reaches_the_node_templated_and_mapped_and_is_taken_from_default_args(probe, word):
    sample = SAMPLES[word] if word == "roles" else BASE | SAMPLES[word]
    node = msgspec.json.encode(node_from(sample)).decode()

    assert {"rendered": node, "mapped": node, "by_default": "default"} == probe["words"][word]


def test_unknown_argument_is_refused_by_name(probe):
    assert probe["refused"].endswith("{'imagee': 'x'}\nimagee: unknown word; did you mean image?")
    assert "JobSetOperator.expand() got an unexpected keyword argument 'imagee'" == probe["refused_by_expand"]


def test_no_argument_is_opened_as_a_template_file(probe):
    assert [] == probe["template_ext"]


def test_dag_with_every_word_is_serialised(probe):
    assert ["all_words", "node"] == probe["serialised"]


def test_dag_file_imports_no_kubernetes_client(probe):
    assert [] == probe["clients"]


def test_dag_file_imports_of_dagset_the_model_alone(probe):
    assert {"constants", "errors", "model"} == {name.split(".")[1] for name in probe["ours"]}


def test_what_a_task_imports_of_dagset_brings_no_client_of_any_kind():
    clients = {"kubernetes", "aiohttp", "urllib3", "requests"}
    ours = "dagset.compile.render, dagset.run.follow, dagset.run.logs, dagset.run.release, dagset.run.submit"
    code = f"import sys, {ours}; print({clients} & {{name.split('.')[0] for name in sys.modules}})"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "set()\n" == done.stdout
