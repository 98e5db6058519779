"""What every test may use."""

from pathlib import Path

import pytest




def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files; read the diff in review")


@pytest.fixture
def golden(request: pytest.FixtureRequest):
    """Compare a text with a committed file, whole; a missing file fails unless it is being written."""

    def check(path: Path, actual: str) -> None:
        if request.config.getoption("--update-golden"):
            path.write_text(actual)
        assert path.exists(), f"{path} is missing; write it with pytest --update-golden and read it"
        assert path.read_text() == actual

    return check
