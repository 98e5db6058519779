"""docs/model.md: the node files in it are nodes, its tables hold each word of the model with its default."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
import yaml

from dagset.compile import compile_node
from dagset.model import DagNode, Identity
from dagset.model.loader import node_from
from dagset.model.role import Role
from tests.docs.pages import ROOT, files_of
from tests.docs.test_reference import default_of, schemas

PAGES = ("model.md", "quickstart.md", "failures.md")
NODES = [(page, name, text) for page in PAGES for name, text in files_of((ROOT / "docs" / page).read_text()).items()]
NODES = [node for node in NODES if node[1] != "wrong.yaml"]  # which is to be refused

# What stands in place of "none": it follows from other words, or from the image, or differs from engine to engine.
IN_PROSE = {
    "coupling": "one pod: array, several roles or a rendezvous: gang",
    "keep": "always on the command line",
    "name": "worker",  # a role's, where there is one role
    "parallelism": "all",
    "working_dir": "the image's",
}


@pytest.mark.parametrize(("page", "name", "text"), NODES, ids=[name for _, name, _ in NODES])
def test_node_file_in_a_page_compiles(page: str, name: str, text: str, tmp_path):
    for shipped in yaml.safe_load(text).get("files", {}).values():
        if "path" in shipped:
            (tmp_path / shipped["path"]).touch()

    node = node_from(text, folder=tmp_path)

    assert yaml.safe_load(text)["name"] == node.name
    compile_node(node, Identity(owner="docs", task=node.name))


def test_tables_hold_each_word_of_the_model_with_its_default():
    model = {**schemas(Role), **schemas(DagNode)}
    told = [*rows((ROOT / "docs" / "model.md").read_text())]

    assert Counter([*model, "name"]) == Counter(word for word, _ in told)  # a role has a name, too
    wrong = {word: default for word, default in told if default not in defaults(word, model[word])}
    assert {} == wrong


def defaults(word: str, schema: dict) -> set[str]:
    """Return what the page may say for a default."""
    default = default_of(schema).strip("`")
    return {"", "none", IN_PROSE.get(word, "")} if default == "none" else {default}


def rows(page: str) -> Iterator[tuple[str, str]]:
    """Yield each word of the tables of words with its default, "" where the table says nothing of it."""
    for title in ("Node", "What ends a node, and what does not", "Queue", "Role"):
        section = re.split(r"^## ", page.partition(f"\n## {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
        has_defaults = "| default |" in section
        for line in re.findall(r"^\| `.*", section, re.MULTILINE):
            first, second = (cell.strip() for cell in line.split("|")[1:3])
            words = re.findall(r"`(\w+)`", first)
            given = [each.strip(" `") for each in second.split(", ")] if len(words) > 1 else [second.replace("`", "")]
            yield from zip(
                words, given if has_defaults and len(given) == len(words) else [""] * len(words), strict=True
            )
