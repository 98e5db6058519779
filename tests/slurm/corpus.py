"""The scripts of corpus.txt, by name."""

from pathlib import Path

__all__ = ["SCRIPTS"]


def _read(path: Path) -> dict[str, str]:
    text = path.read_bytes().decode()
    blocks = (block.partition("\n") for block in text.removeprefix("=== ").split("\n=== "))
    return {name: script.rstrip("\n") + "\n" for name, _, script in blocks}


SCRIPTS = _read(Path(__file__).with_name("corpus.txt"))
