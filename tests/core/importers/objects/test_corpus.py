"""Every object of the corpus as a whole: its report and its words; `pytest --update-golden` writes them anew."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagset.compile import compile_node
from dagset.importers import table
from dagset.importers.objects import KINDS, import_object
from dagset.model import Identity, node_from
from dagset.model.quantity import cpu_millis
from tests.core.importers.objects.corpus import OBJECTS, leaves, spelled_leaves

GOLDEN = Path(__file__).with_name("corpus.golden")
TEMPLATES = {
    "Job": lambda spec: {"worker": spec["template"]},
    "JobSet": lambda spec: {each["name"]: each["template"]["spec"]["template"] for each in spec["replicatedJobs"]},
}


def told(name: str) -> str:
    found = import_object(OBJECTS[name])
    return f"=== {name}\n{table(found.report)}\n{yaml.safe_dump(found.words, sort_keys=False, width=120)}\n"


def test_every_object_becomes_what_is_written_down(golden):
    golden(GOLDEN, "".join(map(told, OBJECTS)))


def test_every_kind_is_in_the_corpus():
    assert set(KINDS) == {yaml.safe_load(text)["kind"] for text in OBJECTS.values()}


@pytest.mark.parametrize("name", OBJECTS)
def test_every_leaf_lies_under_exactly_one_entry(name: str):
    told = [entry.option for entry in import_object(OBJECTS[name]).report]

    assert [] == [ways for ways in spelled_leaves(yaml.safe_load(OBJECTS[name])) if sum(map(told.count, ways)) != 1]


@pytest.mark.parametrize("name", OBJECTS)
def test_every_node_compiles_and_its_words_are_a_node_file(name: str):
    found = import_object(OBJECTS[name])
    again = node_from(json.loads(json.dumps(found.words)))

    assert found.node == again
    assert compile_node(again, Identity(owner="test")).kind in ("Job", "JobSet")


@pytest.mark.parametrize("name", [name for name, text in OBJECTS.items() if yaml.safe_load(text)["kind"] in TEMPLATES])
def test_what_the_report_calls_mapped_is_in_the_pods_that_are_compiled(name: str):
    root = yaml.safe_load(OBJECTS[name])
    found = import_object(OBJECTS[name])
    compiled = compile_node(found.node, Identity(owner="test")).owner
    templates = TEMPLATES[compiled["kind"]](compiled["spec"])
    given = TEMPLATES[root["kind"]](root["spec"])
    if len(given) == 1:
        given = dict.fromkeys(templates, *given.values())
    missing = {
        str(leaf)
        for role, template in given.items()
        for path, leaf in leaves(_by_name(template))
        if path[0] == "spec"
        and leaf not in (None, {}, [])
        and _at(_by_name(templates[role]), path) != _plain(path, leaf)
    }
    excused = {
        str(leaf)
        for entry in found.report
        if entry.how != "mapped" or entry.becomes == "`shm`"
        for _, leaf in leaves(_at_spelled(root, entry.option))
    }

    assert set() == missing - excused


def _by_name(value: Any) -> Any:
    """Return lists of named things as mappings, the program's container as `main`; a second thing of a name counts."""
    if isinstance(value, dict):
        return {key: _by_name(each) for key, each in value.items()}
    if not isinstance(value, list):
        return value
    if all(isinstance(each, dict) and "mountPath" in each for each in value):
        return {each["mountPath"]: _by_name(each) for each in value}
    if all(isinstance(each, dict) and "name" in each for each in value) and value:
        names = [each["name"] for each in value]
        main = "main" if "main" in names else names[0] if "image" in value[0] else None
        return {"main" if each["name"] == main else each["name"]: _by_name(each) for each in value}
    return value


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else value[key] if isinstance(value, list) else None
    return _plain(path, value)


def _plain(path: tuple[str | int, ...], value: Any) -> Any:
    if path[-1] == "cpu" and value is not None:
        return cpu_millis(value)
    return str(value) if isinstance(value, int) and "resources" in path else value


def _at_spelled(root: Any, option: str) -> Any:
    from dagset.importers.objects.account import spelled

    paths = {spelled(path[:end]): path[:end] for path, _ in leaves(root) for end in range(len(path) + 1)}
    value = root
    for key in paths.get(option, ()):
        value = value[key]
    return value if option in paths else {}
