"""docs/quickstart.md: what it tells to type is typed, and says what the page says."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, files_of, plain, rewritten, sessions_of, typed

PAGE = ROOT / "docs" / "quickstart.md"
REAL = re.compile(r"^dagset (?:check|run) .* --cluster .*$", re.MULTILINE)


@pytest.mark.cluster
def test_sessions_say_what_the_page_says(tmp_path: Path, request: pytest.FixtureRequest):
    page = PAGE.read_text()
    sessions = sessions_of(page)
    lay_out(page, tmp_path)
    new = typed(sessions, folder=tmp_path, environ={"DAGSET_STATE": str(tmp_path / "state")})

    if request.config.getoption("--update-golden"):
        PAGE.write_text(rewritten(page, zip([session.text for session in sessions], new, strict=True)))
    assert [plain(session.text) for session in sessions_of(PAGE.read_text())] == [plain(block) for block in new]


def test_the_same_on_a_real_cluster(real_cluster: Path, tmp_path: Path):
    page = PAGE.read_text()
    lay_out(page, tmp_path)
    lines = [*REAL.findall(page), "dagset cancel hello.yaml --cluster ~/.kube/config -n ml"]
    text = "".join(f"$ {line}\n" for line in lines).replace("~/.kube/config -n ml", str(real_cluster))
    [said] = typed(sessions_of(f"```console\n{text}```\n"), folder=tmp_path, environ={})

    assert "would be accepted" in said
    assert "worker[1] I am 1 of 2" in said
    assert said.endswith("is gone\n")


def lay_out(page: str, folder: Path) -> None:
    """Save the page's files."""
    for name, text in files_of(page).items():
        (folder / name).write_text(text)
