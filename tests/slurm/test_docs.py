"""The table of docs/slurm.md is made from the importer's own: `pytest --update-golden tests/slurm/test_docs.py`."""

from pathlib import Path

import pytest

from dagset.errors import InvalidNode
from dagset.importers.directives import read_script
from dagset.importers.getopt import options_of
from dagset.importers.options import HOW, OPTIONS, Option
from dagset.importers.variables import IN_PODS
from tests.slurm.corpus import SCRIPTS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "slurm.md"
BEGIN, END = "<!-- made by pytest --update-golden tests/slurm/test_docs.py -->\n", "<!-- end -->\n"
BEGIN_VARIABLES, END_VARIABLES = "<!-- variables: made by " + BEGIN.partition("by ")[2], "<!-- end of variables -->\n"
HEAD = "| option of sbatch | | becomes | checked by |\n|---|---|---|---|\n"
IN_A_POD = {"ntasks", "array", "output", "error", "input", "open-mode", "signal", "requeue"}


def in_corpus() -> set[str]:
    """Return the options that a script of the corpus gives."""
    found: set[str] = set()
    for script in SCRIPTS.values():
        try:
            found |= {given.name for words in read_script(script).components for given in options_of(words)}
        except InvalidNode:
            continue
    return found


def row(option: Option, known: set[str]) -> str:
    spelled = f"`--{option.name}`" + (f", `-{option.short}`" if option.short else "")
    checks = [f"`{option.slurm_says}`"] if option.slurm_says else ["corpus"] if option.name in known else ["report"]
    checks += ["in a pod"] if option.name in IN_A_POD else []
    return f"| {spelled} | {option.how} | {option.becomes} | {', '.join(checks)} |\n"


def table() -> str:
    """Return one row per option, in the order of their fates; those of the same fate and meaning share a row."""
    known = in_corpus()
    alone = [each for each in OPTIONS if each.how != "dropped" or each.name in known]
    rows = [row(each, known) for how in HOW for each in alone if each.how == how]
    others: dict[str, list[str]] = {}
    for each in OPTIONS:
        if each not in alone:
            others.setdefault(each.becomes, []).append(
                f"`--{each.name}`" + (f" (`-{each.short}`)" if each.short else "")
            )
    return (
        HEAD
        + "".join(rows)
        + "".join(f"| {', '.join(names)} | dropped | {becomes} | report |\n" for becomes, names in others.items())
    )


def filled(page: str, begin: str, made: str, end: str) -> str:
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return before + begin + made + end + after


def test_the_page_has_a_row_for_every_option_and_every_variable(golden):
    variables = ", ".join(f"`{name}`" for name in sorted(IN_PODS)) + "\n"

    golden(PAGE, filled(filled(PAGE.read_text(), BEGIN, table(), END), BEGIN_VARIABLES, variables, END_VARIABLES))


@pytest.mark.parametrize("word", sorted({each.slurm_says for each in OPTIONS if each.slurm_says}))
def test_every_word_of_scontrol_that_the_page_names_is_compared(word: str):
    assert f'"{word}"' in (ROOT / "tests" / "slurm" / "test_real_controller.py").read_text()


@pytest.mark.parametrize("option", [each.name for each in OPTIONS if each.slurm_says])
def test_every_option_that_the_controller_checks_is_in_the_corpus(option: str):
    assert option in in_corpus()


def test_every_link_leads_to_a_page():
    for name in ("model.md",):
        assert f"({name})" in PAGE.read_text()
        assert (PAGE.parent / name).is_file()
