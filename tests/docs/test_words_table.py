"""docs/words.md is made from the model and from what each adapter takes: `pytest --update-golden tests/docs`."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dagset.model import DagNode
from dagset.model.role import RoleWords
from dagset_airflow.words import WORDS
from dagset_hera.parameters import NUMBERED, SMALL, TEXTS
from snakemake_executor_plugin_jobset.words import SCALAR_WORDS

PAGE = Path(__file__).parents[2] / "docs" / "words.md"
HEAD = """\
# Each word in each engine

Made from the model (`pytest --update-golden tests/docs` writes it anew). Meanings in full: [the model](model.md).

- **YAML, JSON, Python**: every word, as shown; `dagset run` takes a node file.
- **Airflow**: every word is an argument of `JobSetOperator` and `IndexedJobOperator`, templated and mappable.
- **Hera**: every word inside `node=`. *Parameter*: may be `{{inputs.parameters.x}}`.
- **Snakemake**: *rule*: `resources: jobset_<word>=...`; *file*: in the node file of `jobset_node` or `--jobset-node`.

| word | of | means | for example | Airflow | Hera | Snakemake |
|---|---|---|---|---|---|---|
"""
PARAMETERS = {*NUMBERED, *SMALL, *TEXTS, "command", "args", "env"}


def rows() -> Iterator[str]:
    """Yield one line per word, the role's first."""
    of_role = {field.name for field in msgspec.structs.fields(RoleWords)}
    for field in msgspec.structs.fields(DagNode):
        schema = msgspec.json.schema(DagNode)["$defs"]["DagNode"]["properties"][field.name]
        cells = [
            f"`{field.name}`",
            "role" if field.name in of_role else "node",
            schema.get("description", "groups of identical pods, in order"),
            f"`{json.dumps(schema['examples'][0])}`" if "examples" in schema else "",
            "argument" if field.name in WORDS else "",
            "parameter" if field.name in PARAMETERS else "word",
            "rule" if field.name in SCALAR_WORDS else "file",
        ]
        yield f"| {' | '.join(cells)} |\n"


def test_the_table_of_words_is_as_the_model_and_the_adapters_say(golden):
    golden(PAGE, HEAD + "".join(rows()))


def test_every_word_is_settable_in_every_engine():
    words = {field.name for field in msgspec.structs.fields(DagNode)}

    assert words == set(WORDS)
    assert words >= SCALAR_WORDS
