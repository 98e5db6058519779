"""docs/airflow.md says what the model, the verdict table and the installed cncf provider say, and its DAGs run."""

import re
from pathlib import Path

import pytest

from dagset.observe import REASONS
from dagset_airflow.words import WORDS
from tests.airflow.page import PAGE, programs

ROOT = Path(__file__).parents[2]
SAID = {"success": "success", "retry": "retries, while there are any", "fail": "fails, no retry"}


def spelled(words):
    return ", ".join(f"`{word}`" for word in words)


ROWS = [
    f"| {said} | {spelled(reason for reason, row in REASONS.items() if row.airflow == verdict)} |"
    for verdict, said in SAID.items()
]


@pytest.mark.parametrize("line", [spelled(WORDS), *ROWS], ids=["words", *SAID])
def test_page_has_the_line(line):
    assert line in PAGE.read_text().splitlines()


@pytest.mark.cluster
def test_every_argument_of_the_operators_that_people_come_from_has_its_row(probe):
    table = PAGE.read_text().partition("| there | here |")[2].partition("\n\n")[0]
    firsts = [line.split("|")[1] for line in table.splitlines()[2:]]

    assert probe["theirs"] == sorted(word for first in firsts for word in re.findall(r"`(\w+)`", first))


@pytest.mark.cluster
def test_dags_of_the_page_run_as_they_stand_there(lab):
    first = f"{lab.task('train.train')['xcom']['name']}-worker-0-0"
    met = [line.partition(".")[0] for line in lab.pod_lines("train.train")]

    assert [f"worker[{index}] rank {index} of 4 meets the others at {first}" for index in range(4)] == met
    assert sum((100 + index) ** 2 for index in range(10)) == lab.task("squares.total")["xcom"]
    assert ["success", "success", "skipped"] == [lab.task("convert.convert", index)["state"] for index in range(3)]


def test_programs_for_airflow_on_the_front_page_are_those_of_the_page():
    shown = [block for block in programs(ROOT / "README.md") if "airflow" in block]

    assert shown == [block for block in programs(PAGE) if block in shown]


def test_page_has_three_programs():
    assert 3 == len(programs(PAGE))
