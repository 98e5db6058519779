"""The steps of a run: open a cluster, submit, follow, release or cancel; and all of them in one call.

`dagset.run` is both this package and a function: `dagset.run(node, cluster=...)` is `run_node`.
"""

import sys
import types

from dagset.observe import Outcome
from dagset.run.connect import open_cluster
from dagset.run.follow import follow
from dagset.run.release import cancel, release
from dagset.run.submit import Submitted, submit
from dagset.run.whole import run_node

__all__ = ["run_node", "open_cluster", "submit", "Submitted", "follow", "release", "cancel"]


class _CallablePackage(types.ModuleType):
    """A package that may be called (https://docs.python.org/3/reference/datamodel.html, module `__class__`)."""

    def __call__(self, *args: object, **words: object) -> Outcome:
        return run_node(*args, **words)  # type: ignore[arg-type]


sys.modules[__name__].__class__ = _CallablePackage
