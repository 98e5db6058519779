"""`@task.jobset` and `@task.indexed_job`: a Python function that runs on every index of a node."""

from __future__ import annotations

import ast
import base64
import importlib
import inspect
import json
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    DecoratedOperator,
    TaskDecorator,
    task_decorator_factory,
)

from dagset.errors import InvalidNode
from dagset_airflow import inside
from dagset_airflow.operators import IndexedJobOperator, JobSetOperator, NodeOperator

if TYPE_CHECKING:
    from dagset_airflow.results import Results

__all__ = ["indexed_job_task", "jobset_task"]

Serializer = Literal["json", "pickle", "cloudpickle"]
FACTS = ("index", "pods", "attempt", "coordinator")
RUNNER = "dagset_inside.py"
MESSAGE_PATH = "/dev/termination-log"


class _FunctionOperator(DecoratedOperator, NodeOperator):
    """Ships the function's source and its arguments with the node; the task's value is a list of results by index.

    Args:
        python_callable: the function. Parameters of it that are named `index`, `pods`, `attempt` or `coordinator` and
            that no argument is given for are told by the pod.
        op_args: its arguments, templated.
        op_kwargs: likewise.
        serializer: how arguments travel: as JSON; or by `pickle` or `cloudpickle`, which the image has to have then in
            a version that fits. What the function returns travels as JSON.
        more: as for the operator. `command` is the interpreter, python3 where it is not given.
    """

    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *NodeOperator.template_fields)
    outcome_key: ClassVar[str] = "outcome"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        serializer: Serializer = "json",
        **more: Any,
    ) -> None:
        if more.get("start_from_trigger"):
            problem, remedy = "a function travels from a worker", "take deferrable=True, which frees the worker later"
            raise InvalidNode(problem, field="start_from_trigger", remedy=remedy)
        self.serializer = serializer
        self.asked = _asked(python_callable, op_args or (), op_kwargs or {})
        filled = {**dict.fromkeys(self.asked), **(op_kwargs or {})}
        super().__init__(python_callable=python_callable, op_args=op_args, op_kwargs=filled, **more)

    def _words(self) -> dict[str, Any]:
        words = super()._words()
        command = [*(words.get("command") or ["python3"]), f"$(DAGSET_FILES)/{RUNNER}", MESSAGE_PATH]
        return words | {"command": command, "files": {**(words.get("files") or {}), **self._files()}}

    def _files(self) -> dict[str, dict[str, str]]:
        kwargs = {name: value for name, value in self.op_kwargs.items() if name not in self.asked}
        arguments = _serialized({"args": list(self.op_args), "kwargs": kwargs}, self.serializer)
        call = {"name": self.python_callable.__name__, "facts": self.asked, "serializer": self.serializer, **arguments}
        texts = {
            RUNNER: Path(inside.__file__).read_text(encoding="utf-8"),
            inside.FUNCTION: _source(self.python_callable),
            inside.CALL: json.dumps(call),
        }
        return {name: {"text": text} for name, text in texts.items()}

    def _returned(self, outcome: dict[str, Any], results: Results) -> Any:
        if isinstance(results, dict):
            return {role: [_decoded(text, role) for text in texts] for role, texts in results.items()}
        return [_decoded(text, "an index") for text in results or [None] * outcome["pods"]]


class _JobSetFunction(_FunctionOperator, JobSetOperator):
    custom_operator_name = "@task.jobset"


class _IndexedJobFunction(_FunctionOperator, IndexedJobOperator):
    custom_operator_name = "@task.indexed_job"


def jobset_task(python_callable: Callable[..., Any] | None = None, **words: Any) -> TaskDecorator:
    """Return `@task.jobset(...)`: the function runs on every index of a gang; takes what `JobSetOperator` takes."""
    return task_decorator_factory(python_callable, decorated_operator_class=_JobSetFunction, **words)


def indexed_job_task(python_callable: Callable[..., Any] | None = None, **words: Any) -> TaskDecorator:
    """Return `@task.indexed_job(...)`: the function runs on every index of an array, or in one pod."""
    return task_decorator_factory(python_callable, decorated_operator_class=_IndexedJobFunction, **words)


def _asked(function: Callable[..., Any], args: Collection[Any], kwargs: Mapping[str, Any]) -> list[str]:
    """Return the facts that the function has parameters for which no argument is given."""
    signature = inspect.signature(function)
    try:
        given = signature.bind_partial(*args, **kwargs).arguments
    except TypeError:
        return []  # Airflow refuses these arguments in its own words
    return [name for name in FACTS if name in signature.parameters and name not in given]


def _source(function: Callable[..., Any]) -> str:
    """Return the function's source without its decorators; what its annotations name need not be there."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    definition = ast.parse(source).body[0]
    return "from __future__ import annotations\n" + "\n".join(source.splitlines()[definition.lineno - 1 :]) + "\n"


def _serialized(arguments: dict[str, Any], serializer: Serializer) -> dict[str, Any]:
    try:
        if serializer == "json":
            json.dumps(arguments)
            return arguments
        pickled = importlib.import_module(serializer).dumps(arguments)
    except Exception as error:
        remedy = "give numbers, texts, lists and mappings, or serializer='pickle' or 'cloudpickle'"
        raise InvalidNode(f"cannot travel by {serializer}: {error}", field="arguments", remedy=remedy) from error
    return {"pickled": base64.b64encode(pickled).decode()}


def _decoded(text: str | None, where: str) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError as error:
        told = f"the result of {where} is no JSON ({error}): something else wrote to {MESSAGE_PATH}, or cut it"
        raise AirflowFailException(told) from error
