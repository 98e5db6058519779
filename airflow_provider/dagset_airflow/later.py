"""Modules that are imported when something of them is first used.

A DAG file is parsed again and again, in processes that run nothing of it: the model is all it needs of dagset.
"""

import importlib
from typing import Any

__all__ = ["Later"]


class Later:
    """Stands for a module."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._name), name)
