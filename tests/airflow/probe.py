"""What a DAG file's process sees: the operators, made but not run. Prints one JSON object.

Apart from pytest for the same reason as lab/dag.py, and to see what an import really brings.
"""

import json
import os
import sys
from collections.abc import Callable
from types import SimpleNamespace

import msgspec
from airflow.sdk import DAG

from dagset.model import DagNode
from dagset_airflow import IndexedJobOperator, JobSetOperator
from dagset_airflow.words import WORDS
from tests.airflow.test_clusters import CASES
from tests.samples import BASE, SAMPLES

# Numbers that a template would make texts of, where Kubernetes or the model tells the two apart.
AS_THEY_ARE = {"tolerations", "affinity", "security_context", "pod_patch", "object_patch", "cpu", "cpu_limit"}


def main() -> None:
    found: dict[str, object] = {"words": {word: try_word(word) for word in WORDS}}
    found |= {"refused": said(lambda: JobSetOperator(task_id="t", imagee="x"))}
    found |= {"refused_by_expand": said(lambda: JobSetOperator.partial(task_id="t").expand(imagee=["x"]))}
    found |= {"template_ext": list(JobSetOperator.template_ext), "serialised": serialised()}
    found |= {"clients": sorted({"kubernetes", "kubernetes_asyncio"} & set(sys.modules))}
    found |= {"ours": sorted(name for name in sys.modules if name.startswith("dagset."))}
    found |= {"verdicts": verdicts(), "errors": errors(), "wheres": {case: meant(case) for case in CASES}}
    found |= {"where_with_a_secret": said_of_a_secret()}
    print(json.dumps(found))


def try_word(word: str) -> dict[str, object]:
    """Return the nodes of a task whose words are templates, by argument and by `.expand()`, and a default's fate."""
    sample = dict(SAMPLES[word] if word == "roles" else BASE | SAMPLES[word])
    made = {"gang": JobSetOperator, "array": IndexedJobOperator}[sample.pop("coupling")]
    context = {"told": []}
    given = {each: templated(value, told=context["told"], word=each) for each, value in sample.items()}
    others = {each: value for each, value in given.items() if each != word}
    with DAG("by_default", default_args={word: "default"}):
        by_default = getattr(IndexedJobOperator(task_id="t"), word)
    with DAG("d"):
        task = made(task_id="t", **given)
        mapped = made.partial(task_id="mapped", **others).expand(**{word: [given.get(word)]})
    task.render_template_fields(context)
    nodes = {"rendered": node_of(task, context), "mapped": node_of(unmapped(mapped, context), context)}
    return {**nodes, "by_default": by_default}


def templated(value: object, *, told: list[object], word: str) -> object:
    """Return a value with a template for each text and number in it; what it renders to is added to `told`."""
    if isinstance(value, dict):
        return {key: templated(inner, told=told, word=word) for key, inner in value.items()}
    if isinstance(value, list):
        return [templated(inner, told=told, word=word) for inner in value]
    if not isinstance(value, str) and word in AS_THEY_ARE:
        return value
    told.append(value)
    return f"{{{{ told[{len(told) - 1}] }}}}"


def unmapped(mapped: object, context: dict) -> object:
    """Return the only task of a mapped one, made and rendered as a worker does it (task-sdk: mappedoperator.py)."""
    run = {"dag": mapped.dag, "dag_run": SimpleNamespace(conf={}), "ti": SimpleNamespace(map_index=0)}
    worker = {**context, **run}
    mapped.render_template_fields(worker)
    return worker["task"]


def node_of(task: object, context: dict) -> str:
    return msgspec.json.encode(task._node(context)).decode()


def said(make: Callable[[], object]) -> str:
    try:
        return str(make())
    except TypeError as error:
        return "\n".join([str(error), *getattr(error, "__notes__", ())])


def serialised() -> list[str]:
    """Return the tasks that a scheduler is told of, all words given."""
    from airflow.serialization.serialized_objects import DagSerialization

    with DAG("d") as dag:
        JobSetOperator(task_id="all_words", **{word: {"a": ["b", 1]} for word in WORDS})
        JobSetOperator(task_id="node", node=DagNode(name="n", image="a"))
    return sorted(DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag)).task_ids)


def verdicts() -> dict[str, str]:
    """Return what Airflow gets for each reason."""
    from dagset.observe import REASONS, Outcome
    from dagset_airflow.endings import told_to_airflow

    got = {}
    for reason in [*REASONS, "skip 3"]:
        outcome = Outcome("n", "ns", "Job", "u", "failed", "app_error" if reason == "skip 3" else reason, "m", "h", 3)
        try:
            got[reason] = str(told_to_airflow(outcome, skip_on=[3] if reason == "skip 3" else [4]) and "returned")
        except Exception as error:  # noqa: BLE001  its name is what is asked for
            got[reason] = f"{type(error).__name__}: {error}"
    return got


def errors() -> dict[str, str]:
    """Return what Airflow gets for each of dagset's errors."""
    from dagset import errors as ours
    from dagset_airflow.endings import errors_as_airflows

    got = {}
    for name in ours.__all__:
        try:
            with errors_as_airflows():
                raise getattr(ours, name)("why")
        except Exception as error:  # noqa: BLE001  its name is what is asked for
            got[name] = f"{type(error).__name__}: {error}"
    return got


def meant(case: str) -> object:
    """Return what a case's arguments mean beside its connection, or what is said of them."""
    from dagset.errors import InvalidNode
    from dagset_airflow.clusters import where

    extra, arguments, _ = CASES[case]
    if extra is not None:
        os.environ[f"AIRFLOW_CONN_{case.upper()}"] = json.dumps({"conn_type": "kubernetes", "extra": extra})
        arguments = {"kubernetes_conn_id": case, **arguments}
    try:
        place = where(**arguments)
    except InvalidNode as error:
        return str(error)
    return [place.name, place.context, place.namespace, place.kubeconfig]


def said_of_a_secret() -> str:
    from dagset_airflow.clusters import Where

    return repr(Where(name=None, context="c", namespace="n", kubeconfig="token: geheim"))


if __name__ == "__main__":
    main()
