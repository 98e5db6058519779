"""What runs in each pod of `@task.indexed_job`: it calls the function and leaves what that returned as the result.

It is shipped as it is, so it needs Python >= 3.8 and nothing else.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

LIMIT_BYTES = 4096  # of a termination message (kubernetes: pkg/kubelet/container/runtime.go)
FUNCTION, CALL = "dagset_function.py", "dagset_call.json"


def main(folder: str, message: str) -> int:
    """Call the function of the files in `folder`, and write its result to `message`; return the exit code."""
    with open(os.path.join(folder, CALL), encoding="utf-8") as file:
        call = json.load(file)
    args, kwargs = arguments(call)
    result = function(os.path.join(folder, FUNCTION), call["name"])(*args, **kwargs, **facts(call["facts"]))
    if result is None:
        return 0
    try:
        text = json.dumps(result)
    except (TypeError, ValueError) as error:
        return refused(call["name"], f"returned what JSON cannot say: {error}", "return numbers, texts, lists")
    if len(text) > LIMIT_BYTES:
        what = f"returned {len(text)} bytes of JSON; a result has at most {LIMIT_BYTES}"
        return refused(call["name"], what, "write it to a volume or an object store, and return where")
    with open(message, "w", encoding="ascii") as file:
        file.write(text)
    return 0


def function(path: str, name: str) -> Callable[..., Any]:
    """Return the function of a file; tracebacks show its lines."""
    with open(path, encoding="utf-8") as file:
        source = file.read()
    known: dict[str, Any] = {"__name__": "dagset_function", "__file__": path}
    exec(compile(source, path, "exec"), known)
    found: Callable[..., Any] = known[name]
    return found


def arguments(call: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments as they were given to the task."""
    if call["serializer"] == "json":
        return call["args"], call["kwargs"]
    pickled = importlib.import_module(call["serializer"]).loads(base64.b64decode(call["pickled"]))
    return pickled["args"], pickled["kwargs"]


def facts(names: list[str]) -> dict[str, int | str | None]:
    """Return the facts about this pod that the function asks for by name."""
    told: dict[str, int | str | None] = {
        "index": int(os.environ["DAGSET_INDEX"]),
        "pods": int(os.environ["DAGSET_PODS"]),
        "attempt": int(os.environ["DAGSET_ATTEMPT"]),
        "coordinator": os.environ.get("DAGSET_COORDINATOR"),
    }
    return {name: told[name] for name in names}


def refused(name: str, what: str, remedy: str) -> int:
    """Say why there is no result."""
    sys.stderr.write(f"{name}() {what}; {remedy}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(os.path.dirname(os.path.abspath(__file__)), sys.argv[1]))
