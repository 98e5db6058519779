"""From a file or text to a DagNode: YAML or JSON, and the small files that the node ships."""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from dagset.errors import InvalidNode
from dagset.model.checks import MAX_FILES_BYTES
from dagset.model.coerce import refuse_unknown, shown
from dagset.model.node import DagNode, File

__all__ = ["load", "node_from", "read_words"]

MAX_NODE_BYTES = 4 * 2**20  # far above any node that an API server would take (1.5 MiB)


def load(path: str | Path) -> DagNode:
    """Return the node that a YAML or JSON file describes, with the contents of its `files` read.

    Paths in `files` are relative to the file's own folder.

    Raises:
        InvalidNode: naming the file, the field, the value and the remedy.
    """
    words = read_words(path)
    try:
        return node_from(words, folder=Path(path).parent)
    except InvalidNode as error:
        raise error.read_from(str(path)) from None


def read_words(path: str | Path) -> dict[str, Any]:
    """Return the words that a YAML or JSON file gives, unchecked: for an engine that renders or merges them first.

    Raises:
        InvalidNode: naming the file, when it cannot be read or is no mapping of words.
    """
    path = Path(path)
    try:
        text = _read(path, limit_bytes=MAX_NODE_BYTES).decode()
        if text.startswith("#!") and path.suffix not in (".yaml", ".yml", ".json"):
            remedy = "a node file is YAML, with name, image and command; of a Slurm script the name ends in .sbatch"
            raise InvalidNode("is a script", remedy=remedy)
        return _mapping(_parsed(text, is_json=path.suffix == ".json"))
    except UnicodeDecodeError:
        raise InvalidNode("is not UTF-8 text", source=str(path), remedy="give a YAML or JSON file") from None
    except InvalidNode as error:
        raise error.read_from(str(path)) from None


def node_from(given: str | Mapping[str, Any], *, folder: Path = Path(), is_json: bool = False) -> DagNode:
    """Return the node that a text or a mapping describes; `files` with a path are read relative to `folder`."""
    words = _mapping(_parsed(given, is_json=is_json) if isinstance(given, str) else dict(given))
    if "apiVersion" in words:
        problem = f"is a manifest of Kubernetes ({shown(words.get('kind', 'of no kind'))}) and no node"
        raise InvalidNode(problem, remedy="a node has name, image, command; `dagset schema` prints all words")
    refuse_unknown(words, DagNode)
    if isinstance(words.get("files"), dict):
        words = {**words, "files": {name: _with_content(name, file, folder) for name, file in words["files"].items()}}
    return DagNode(**words)


def _parsed(text: str, *, is_json: bool) -> object:
    if not is_json:
        from dagset.model.yaml_source import parse_yaml  # a node that is written in Python needs no YAML

        return parse_yaml(text)
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise InvalidNode(f"cannot be read as JSON: {error}", remedy="mend the JSON") from None


def _mapping(words: object) -> dict[str, Any]:
    if words is None:
        raise InvalidNode("is empty", remedy="start with name: train")
    if not isinstance(words, dict):
        raise InvalidNode(f"{shown(words)} is not a mapping of words", remedy="start with name: train")
    return words


def _with_content(name: object, file: object, folder: Path) -> object:
    """Return a file with its path replaced by what is in it; anything else is left to the model's own checks."""
    if not isinstance(file, dict) or set(file) != {"path"} or not isinstance(file["path"], str):
        return file
    try:
        content = _read(folder / file["path"], limit_bytes=MAX_FILES_BYTES)
    except InvalidNode as error:
        raise InvalidNode(f"{file['path']}: {error.problem}", field=f"files[{name}]", remedy=error.remedy) from None
    try:
        return File(text=content.decode())
    except UnicodeDecodeError:
        return File(data=content)


def _read(path: Path, *, limit_bytes: int) -> bytes:
    """Return a regular file's bytes; devices, pipes and what is too large are refused before they are read."""
    if "\0" in str(path):
        raise InvalidNode("the path holds a NUL character", remedy="check the path")
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise InvalidNode("is not a regular file", remedy="give the path of a file")
        if found.st_size > limit_bytes:
            raise InvalidNode(f"holds {found.st_size} bytes", remedy=f"at most {limit_bytes} are read")
        return path.read_bytes()
    except OSError as error:
        raise InvalidNode(f"cannot be read: {error.strerror}", remedy="check the path") from None
