"""What stands in docs/airflow.md."""

import re
from pathlib import Path

__all__ = ["PAGE", "programs"]

PAGE = Path(__file__).parents[2] / "docs" / "airflow.md"


def programs(page: Path) -> list[str]:
    """Return the blocks of Python of a page that are a DAG."""
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [block for block in blocks if "with DAG(" in block]
