"""docs/rendezvous.md names each framework that there is with the variables it reads, and its example is a node."""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from dagset.compile.rendezvous import FRAMEWORKS
from dagset.compile.rendezvous.framework import Pods
from dagset.model import DagNode, node_from

FILE = Path(__file__).parents[2] / "docs" / "rendezvous.md"
PAGE = FILE.read_text()
MADE = re.compile(r"(<!-- made from .*? -->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = "| `rendezvous` | variables | read by |\n|---|---|---|\n"


def rows() -> Iterator[str]:
    """Yield one line for each framework and reader."""
    for word, framework in FRAMEWORKS.items():
        node = DagNode(name="n", image="i", pods=2, command=["run"], rendezvous=word)
        told = framework.values(Pods(node, node.roles[0], "n-1"))
        for source, variables in groupby(framework.sources, key=framework.sources.__getitem__):
            shown = ", ".join(f"`{name}`" if name in told else f"*`{name}`*" for name in variables)
            yield f"| `{word}` | {shown} | {source} |\n"


def test_the_table_of_variables_is_as_the_code_says(golden):
    golden(FILE, MADE.sub(lambda found: found[1] + HEAD + "".join(rows()) + found[2], PAGE))


def test_each_framework_says_how_it_is_tested():
    _head, *words = re.findall(r"^\| `(\w+)` \|", PAGE.partition("<!-- made")[0], flags=re.MULTILINE)

    assert sorted(FRAMEWORKS) == sorted(words)


def test_example_is_a_node_of_a_framework():
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)

    assert "torch" == node_from(example).rendezvous
