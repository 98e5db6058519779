"""docs/model.md: the node files in it are nodes."""

import pytest
import yaml

from dagset.compile import compile_node
from dagset.model import Identity
from dagset.model.loader import node_from
from tests.docs.pages import ROOT, files_of

PAGES = ("model.md", "quickstart.md", "failures.md")
NODES = [(page, name, text) for page in PAGES for name, text in files_of((ROOT / "docs" / page).read_text()).items()]
NODES = [node for node in NODES if node[1] != "wrong.yaml"]  # which is to be refused


@pytest.mark.parametrize(("page", "name", "text"), NODES, ids=[name for _, name, _ in NODES])
def test_node_file_in_a_page_compiles(page: str, name: str, text: str, tmp_path):
    for shipped in yaml.safe_load(text).get("files", {}).values():
        if "path" in shipped:
            (tmp_path / shipped["path"]).touch()

    node = node_from(text, folder=tmp_path)

    assert yaml.safe_load(text)["name"] == node.name
    compile_node(node, Identity(owner="docs", task=node.name))
