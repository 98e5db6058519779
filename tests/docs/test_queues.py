"""docs/queues.md names each scheduler that there is, and its example is a node."""

import re
from pathlib import Path

from dagset.compile.queues import PASSES
from dagset.model import node_from
from dagset.model.queue_checks import SCHEDULERS

PAGE = (Path(__file__).parents[2] / "docs" / "queues.md").read_text()


def test_each_scheduler_has_a_pass_its_checks_and_a_row() -> None:
    _head, *rows = re.findall(r"^\| `([-a-z]+)` \|", PAGE, flags=re.MULTILINE)

    assert [sorted(PASSES)] * 2 == [sorted(SCHEDULERS), sorted(rows)]


def test_example_is_a_node_in_a_queue() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)

    assert "gpu-small" == node_from(example).queue_name
