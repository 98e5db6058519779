"""What a DAG file's process sees: the operators, made but not run. Prints one JSON object.

Apart from pytest for the same reason as lab/dag.py, and to see what an import really brings.
"""

import json
import os
import pickle
import sys
from collections.abc import Callable
from types import SimpleNamespace

import msgspec
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException
from airflow.sdk import DAG

from dagset.model import DagNode, Ref
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
    found |= {"where_with_a_secret": said_of_a_secret(), "links": links(), "provider": provider_is_valid()}
    found |= {"function_without_worker": said_of_a_function(start_from_trigger=True)}
    found |= {"theirs": theirs()}  # last, for it imports the kubernetes client
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


def verdicts() -> dict[str, dict[str, object]]:
    """Return what Airflow gets for each reason, and what is left of it when Airflow has stored it."""
    from airflow.serialization.serialized_objects import BaseSerialization

    from dagset.observe import REASONS, FirstFailed, Outcome, plain
    from dagset_airflow.endings import told_to_airflow

    first = FirstFailed("worker", 2, "n-2-abcde", 3, None, "Error", "host-7", ("Traceback", "ValueError: x"))
    got: dict[str, dict[str, object]] = {}
    for case in [*REASONS, "unknown", "skip 3"]:
        reason = "app_error" if case == "skip 3" else case
        outcome = Outcome("n", "ns", "Job", "u", "failed", reason, "m", "h", 3, first_failed=first)
        try:
            told = told_to_airflow(outcome, skip_on=[3] if case == "skip 3" else [4])
            got[case] = {"returned": told == plain(outcome)}
        except Exception as error:  # noqa: BLE001  its name is what is asked for
            stored = BaseSerialization.deserialize(BaseSerialization.serialize(error))
            copies = [pickle.loads(pickle.dumps(error)), stored]
            got[case] = {
                "error": type(error).__name__,
                "retried": not isinstance(error, AirflowFailException | AirflowSkipException),
                "text": str(error),
                "outcome": getattr(error, "outcome", None) == plain(outcome),
                "stored": [type(each) is type(error) and str(each) == str(error) for each in copies],
                "stored_outcome": [getattr(each, "outcome", None) == plain(outcome) for each in copies],
                "policy": decided(error),
            }
    return got


def decided(error: Exception) -> str:
    """Return what a retry policy makes of an error that it knows by name."""
    from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

    rule = RetryRule("dagset_airflow.exceptions.Disrupted", RetryAction.RETRY)
    return ExceptionRetryPolicy([rule], default=RetryAction.FAIL).evaluate(error, 1, 2).action.value


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


def said_of_a_function(**words: object) -> str:
    """Return why a function is refused."""
    from airflow.sdk import task

    from dagset.errors import InvalidNode

    try:
        return str(task.indexed_job(**words)(lambda: None)())
    except InvalidNode as error:
        return str(error)


def links() -> list[list[str]]:
    """Return the address that each configured link makes of a node, under odd configurations."""
    from dagset_airflow.links import configured, facts_of

    ref = Ref(kind="JobSet", namespace="ml", name="train-1", uid="u")
    ti = SimpleNamespace(dag_id="d", run_id="r+1", task_id="g.t", map_index=-1, try_number=2)
    got = []
    for text in ('{"A b": "https://d/{namespace}/{resource}/{name}?{kind}&{run_id}&{task_id}&{x}"}', "[1]", "{", ""):
        os.environ["AIRFLOW__DAGSET__LINK_TEMPLATES"] = text
        got.append([f"{link.name} {link.xcom_key} {link.address(facts_of(ref, {'ti': ti}))}" for link in configured()])
    return got


def provider_is_valid() -> bool:
    """Hold what the provider says of itself against Airflow's own schema, and find all that it names."""
    from importlib import import_module
    from importlib.resources import files

    import jsonschema

    from dagset_airflow import provider_info

    told = provider_info()
    jsonschema.validate(told, json.loads(files("airflow").joinpath("provider_info.schema.json").read_text()))
    paths = [*told["extra-links"], *(each["class-name"] for each in told["task-decorators"])]
    modules = [module for key in ("operators", "triggers") for each in told[key] for module in each["python-modules"]]
    named = [getattr(import_module(path.rpartition(".")[0]), path.rpartition(".")[2]) for path in paths]
    return all([*named, *map(import_module, modules)])


def theirs() -> list[str]:
    """Return the arguments of the operators that people come from."""
    import inspect

    from airflow.providers.cncf.kubernetes.operators.job import KubernetesJobOperator
    from airflow.providers.cncf.kubernetes.operators.kueue import KubernetesStartKueueJobOperator
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    operators = (KubernetesPodOperator, KubernetesJobOperator, KubernetesStartKueueJobOperator)
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = (each for one in operators for each in inspect.signature(one.__init__).parameters.values())
    return sorted({each.name for each in found if each.name != "self" and each.kind not in several})


if __name__ == "__main__":
    main()
