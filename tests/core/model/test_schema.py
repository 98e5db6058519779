"""The JSON Schema of a node file agrees with what `load` takes, on every node that this repository has."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dagset.errors import InvalidNode
from dagset.model import DagNode, node_from, read_words
from dagset.model.schema import node_schema
from dagset.testing.stories import load_stories, node_words
from tests.core.cli.conftest import dagset
from tests.samples import BASE, SAMPLES

ROOT = Path(__file__).parents[3]
FILES = sorted([*ROOT.glob("examples/**/node.yaml"), *ROOT.glob("tests/golden/*/node.yaml")])
SCHEMA = jsonschema.Draft202012Validator(node_schema())


def as_json(words: dict[str, Any]) -> Any:
    """Return the words as an editor sees them, lists for tuples."""
    return json.loads(json.dumps(words))


def problems(words: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.validator}" for error in SCHEMA.iter_errors(as_json(words))]


def test_it_is_a_schema_of_the_dialect_that_it_names() -> None:
    jsonschema.Draft202012Validator.check_schema(node_schema())

    assert "https://json-schema.org/draft/2020-12/schema" == node_schema()["$schema"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_node_file_is_valid(path: Path) -> None:
    assert [] == problems(read_words(path))


def test_every_node_of_a_story_is_valid() -> None:
    found = {story.name: problems(node_words(story)) for story in load_stories(ROOT / "tests" / "stories")}

    assert {"submit-name-too-long": ["$.name: maxLength"]} == {name: told for name, told in found.items() if told}


@pytest.mark.parametrize("word", SAMPLES)
def test_every_sample_of_a_word_is_valid(word: str) -> None:
    assert [] == problems({**BASE, **SAMPLES[word]} if "roles" not in SAMPLES[word] else SAMPLES[word])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param({"podz": 3}, ["$: additionalProperties"], id="misspelt word"),
        pytest.param({"pods": 0}, ["$.pods: minimum"], id="no pods"),
        pytest.param({"env": {"LR": 0.1}}, ["$.env.LR: type"], id="a number as a variable"),
        pytest.param({"deadline": 1800}, ["$.deadline: anyOf"], id="what YAML makes of 30:00"),
        pytest.param({"coupling": "pack"}, ["$.coupling: anyOf"], id="no such choice"),
        pytest.param({"volumes": {"a": {"mount": "/a"}}}, 2, id="a word inside a volume"),
        pytest.param({"name": None}, ["$.name: type"], id="no name"),
    ],
)
def test_what_it_refuses_load_refuses_too(words: dict[str, Any], told: list[str] | int) -> None:
    node = {**BASE, **words}
    found = problems(node)

    assert told == (found if isinstance(told, list) else len(found))
    with pytest.raises(InvalidNode):
        node_from(node)


def test_every_word_says_what_it_means() -> None:
    words = node_schema()["properties"]

    assert set(DagNode.__struct_fields__) == set(words)
    assert {} == {word: told for word, told in words.items() if not told.get("description")}


def test_the_command_prints_it_and_nothing_else() -> None:
    result = dagset("schema")

    assert (0, "", as_json(node_schema())) == (result.exit_code, result.stderr, json.loads(result.stdout))


def test_the_line_by_which_editors_find_it_is_a_comment_to_us(tmp_path: Path) -> None:
    (tmp_path / "node.yaml").write_text("# yaml-language-server: $schema=node.schema.json\nname: a\nimage: b\n")

    assert {"name": "a", "image": "b"} == read_words(tmp_path / "node.yaml")
