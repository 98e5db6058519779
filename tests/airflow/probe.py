"""What a DAG file's process sees: the operators, made but not run. Prints one JSON object.

Apart from pytest for the same reason as lab/dag.py, and to see what an import really brings.
"""

import json
import sys
from collections.abc import Callable

from airflow.sdk import DAG

from dagset.model import DagNode
from dagset_airflow import IndexedJobOperator, JobSetOperator
from dagset_airflow.words import WORDS


def main() -> None:
    found: dict[str, object] = {"words": {word: try_word(word) for word in WORDS}}
    found |= {"refused": said(lambda: JobSetOperator(task_id="t", imagee="x"))}
    found |= {"refused_by_expand": said(lambda: JobSetOperator.partial(task_id="t").expand(imagee=["x"]))}
    found |= {"template_ext": list(JobSetOperator.template_ext), "serialised": serialised()}
    found |= {"clients": sorted({"kubernetes", "kubernetes_asyncio"} & set(sys.modules))}
    found |= {"verdicts": verdicts(), "errors": errors()}
    print(json.dumps(found))


def try_word(word: str) -> dict[str, object]:
    """Return what Jinja made of a word, and what kind of task `.expand()` with it gives."""
    plain = JobSetOperator(task_id="t", **{word: ["{{ x }}", {"key": "{{ x }}.yaml"}]})
    plain.render_template_fields({"x": "rendered"})
    with DAG("by_default", default_args={word: "default"}):
        by_default = getattr(IndexedJobOperator(task_id="t"), word)
        mapped = IndexedJobOperator.partial(task_id="mapped").expand(**{word: ["a", "b"]})
    return {"rendered": getattr(plain, word), "by_default": by_default, "mapped": mapped.is_mapped}


def said(make: Callable[[], object]) -> str:
    try:
        return str(make())
    except TypeError as error:
        return str(error)


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


if __name__ == "__main__":
    main()
