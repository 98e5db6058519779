"""docs/words.md is made from the model and from what each adapter takes: `pytest --update-golden tests/docs`."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dagset.model import DagNode
from dagset.model.role import Role, RoleWords
from dagset_airflow.words import WORDS
from dagset_hera.parameters import NAMES, NUMBERS, TEXTS
from dagset_hera.unheld import UNHELD
from snakemake_executor_plugin_jobset.words import SCALAR_WORDS

PAGE = Path(__file__).parents[2] / "docs" / "words.md"
HEAD = """\
# Each word in each engine

Made from the model (`pytest --update-golden tests/docs` writes it anew). Meanings: [the model](model.md); types, ranges
and refusals: [each word](reference.md).

- **YAML, JSON, Python**: every word, as shown; `dagset run` takes a node file.
- **Airflow**: every word is an argument of `JobSetOperator` and `IndexedJobOperator`, templated and mappable.
- **Hera**: every word inside `node=`. *Whole*: may be `{{inputs.parameters.x}}`; *text*: its texts may hold such
  parameters; *refused*: needs a process that follows the node, or a second object; Argo's resource template has none.
- **Snakemake**: *rule*: `resources: jobset_<word>=...`; *file*: in the node file of `jobset_node` or `--jobset-node`,
  which take every word.

| word | of | means | for example | Airflow | Hera | Snakemake |
|---|---|---|---|---|---|---|
"""
HERA = dict.fromkeys([*NUMBERS, "success"], "whole") | dict.fromkeys([*TEXTS, *NAMES], "text")
HERA |= dict.fromkeys(UNHELD, "refused")


def rows() -> Iterator[str]:
    """Yield one line per word, the role's first."""
    of_role = {field.name for field in msgspec.structs.fields(RoleWords)}
    for word, schema in schemas(DagNode):
        yield row(word, schema, of="role" if word in of_role else "node", airflow="argument" if word in WORDS else "")
        if word == "pod_patch":
            yield row("after", dict(schemas(Role))["after"], of="role", airflow="in `roles`")


def schemas(struct: type) -> Iterator[tuple[str, dict]]:
    """Yield each word with what its declaration says."""
    properties = msgspec.json.schema(struct)["$defs"][struct.__name__]["properties"]
    return ((field.name, properties[field.name]) for field in msgspec.structs.fields(struct))


def row(word: str, schema: dict, *, of: str, airflow: str) -> str:
    cells = [
        f"`{word}`",
        of,
        schema.get("description", "groups of identical pods, in order"),
        f"`{json.dumps(schema['examples'][0])}`" if "examples" in schema else "",
        airflow,
        HERA.get(word, "word"),
        "rule" if word in SCALAR_WORDS else "file",
    ]
    return f"| {' | '.join(cells)} |\n"


def test_the_table_of_words_is_as_the_model_and_the_adapters_say(golden):
    golden(PAGE, HEAD + "".join(rows()))


def test_every_word_is_settable_in_every_engine():
    words = {field.name for field in msgspec.structs.fields(DagNode)}

    assert words == set(WORDS)
    assert words >= SCALAR_WORDS
