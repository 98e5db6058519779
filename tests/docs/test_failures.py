"""docs/failures.md: a section for each reason, in the words of the verdict table, with what was really said."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dagset.cli.main import EXIT_BUG, EXIT_CODES, EXIT_INTERRUPTED
from dagset.observe import REASONS
from tests.docs.pages import ROOT, files_of, plain, rewritten, sessions_of, typed, with_recorded

PAGE = ROOT / "docs" / "failures.md"
SAID = {"success": "success", "again": "again, no retry spent", "retry": "retry", "fail": "fails now"}
AGAIN = "failed; `RETRY_EXPRESSION` retries it"
NOT_AGAIN = "failed; `RETRY_EXPRESSION` does not retry it"
GANG = "failed; `RETRY_EXPRESSION` retries an array, not a gang"
NOBODY = "runs on until its `deadline`"
# What Argo makes of it, whose resource template has no follower of ours (docs/hera.md; reference/argo-real.md 5, 7).
ARGO = {
    **dict.fromkeys(["app_error", "oom_killed", "failed_indexes", "disrupted"], AGAIN),
    **dict.fromkeys(["failed_fast", "deadline_exceeded"], GANG),
    **dict.fromkeys(["image_pull", "config_error", "unschedulable", "refused"], NOBODY),
    "succeeded": "succeeded",
    "queue_timeout": "waits on",
    "vanished": NOT_AGAIN,
    "expired": "does not occur",
    "cancelled": "does not occur: deleting the Workflow deletes the node",
}
HEAD = "| exit code | Airflow | Snakemake | Argo |\n|---|---|---|---|\n"
SECTION = re.compile(r"^## `(\w+)`\n\n(\|.*?\n)\n", re.MULTILINE | re.DOTALL)
AT_ONCE = 4


def facts(reason: str) -> str:
    """Return the table below the reason's heading."""
    row = REASONS[reason]
    code = "the pod's" if row.exit_code is None else row.exit_code
    return f"{HEAD}| {code} | {SAID[row.airflow]} | {SAID[row.snakemake]} | {ARGO[reason]} |\n"


def test_each_reason_has_its_section_and_its_verdicts(golden):
    page = PAGE.read_text()

    assert list(REASONS) == [section[1] for section in SECTION.finditer(page)]
    golden(PAGE, SECTION.sub(lambda section: f"## `{section[1]}`\n\n{facts(section[1])}\n", page))


def test_ends_on_the_real_cluster_are_as_recorded(golden):
    golden(PAGE, with_recorded(PAGE.read_text()))


def test_each_code_of_the_command_line_is_told():
    codes = {code for _, code in EXIT_CODES} | {EXIT_BUG, EXIT_INTERRUPTED}

    assert set() == {code for code in codes if f"\n| {code} | " not in PAGE.read_text()}


@pytest.mark.cluster
def test_sessions_say_what_the_page_says(local_cluster: Path, tmp_path: Path, request: pytest.FixtureRequest):
    page = PAGE.read_text()
    sessions = sessions_of(page)
    for name, text in files_of(page).items():
        (tmp_path / name).write_text(text)
    environ = {"DAGSET_STATE": str(local_cluster.parent)}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        new = [block for [block] in pool.map(lambda each: typed([each], folder=tmp_path, environ=environ), sessions)]

    if request.config.getoption("--update-golden"):
        PAGE.write_text(rewritten(page, zip([session.text for session in sessions], new, strict=True)))
    assert [plain(session.text) for session in sessions_of(PAGE.read_text())] == [plain(block) for block in new]
