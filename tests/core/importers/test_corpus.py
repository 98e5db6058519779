"""Every script of the corpus as a whole: its report and its words; `pytest --update-golden` writes them anew."""

import json
from pathlib import Path

import pytest

from dagset.compile import compile_node
from dagset.errors import InvalidNode
from dagset.importers import Imported, import_sbatch, table
from dagset.importers.directives import read_script
from dagset.importers.getopt import options_of
from dagset.model import Identity, node_from
from tests.slurm.corpus import SCRIPTS

GOLDEN = Path(__file__).with_name("corpus.golden")
IN_EVERY_SCRIPT = ("files", "pod_patch", "command", "image")


def imported(name: str) -> Imported | str:
    """Return what a script becomes, or why it is refused."""
    try:
        return import_sbatch(SCRIPTS[name], name=f"{name}.sh", image="busybox:1")
    except InvalidNode as error:
        return f"refused: {error}"


def told(name: str) -> str:
    found = imported(name)
    if isinstance(found, str):
        return f"=== {name}\n{found}\n"
    words = {word: value for word, value in found.words.items() if word not in IN_EVERY_SCRIPT}
    return f"=== {name}\n{table(found.report)}\n{json.dumps(words)}\n"


def test_every_script_becomes_what_is_written_down(golden):
    golden(GOLDEN, "".join(map(told, SCRIPTS)))


def test_the_corpus_is_as_large_as_promised():
    assert len(SCRIPTS) >= 60
    assert ["dos"] == [name for name, script in SCRIPTS.items() if "\r\n" in script]


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_option_has_one_entry_in_the_report(name: str):
    found = imported(name)
    if isinstance(found, str):
        return
    options = [given for words in read_script(SCRIPTS[name]).components for given in options_of(words)]

    assert [(each.name, each.line) for each in options] == [
        (entry.option, entry.line) for entry in found.report if entry.option
    ]


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_node_compiles_and_its_words_are_a_node_file(name: str):
    found = imported(name)
    if isinstance(found, str):
        return
    again = node_from(json.loads(json.dumps(found.words)))

    assert found.node == again
    assert compile_node(again, Identity(owner="test")).kind in ("Job", "JobSet")
