"""docs/airflow.md says what the model and the verdict table say."""

from pathlib import Path

import pytest

from dagset.observe import REASONS
from dagset_airflow.words import WORDS

PAGE = Path(__file__).parents[2] / "docs" / "airflow.md"
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
