"""What becomes of each field of an object: kept while the object is read, so that nothing of it is lost in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagset.errors import InvalidNode
from dagset.importers.report import Entry, Fate
from dagset.model.showing import shown

__all__ = ["WORD_FOR_WORD", "Account", "Part", "Path", "spelled"]

Path = tuple[str | int, ...]
NO_WORD = "nothing: a node has no word for it"
UNSAID = "-"  # where what is not said stands
LOST: tuple[Fate, str] = ("dropped", NO_WORD)
EMPTY = "nothing: it is empty, which is the same as leaving it out"
WORD_FOR_WORD = "`{patch}`, word for word"
# Whose values may be secrets, or long: they are named in a report, and not shown.
PRIVATE = frozenset({"env", "annotations", "command", "args", "data", "stringData", "status", "managedFields"})


class Account:
    """The fate of every field of one object, by its path; what nobody tells of is dropped."""

    def __init__(self, root: Mapping[str, Any], lines: Mapping[Path, int] | None = None) -> None:
        """Begin with nothing told; `lines` are those of the file, 1 the first, for some of the paths."""
        self.root, self._lines = root, lines or {}
        self._told: dict[Path, tuple[Fate, str]] = {}
        self._notes: list[Entry] = []
        self.own: set[Path] = set()  # fields that compile would write again, and nobody needs to keep

    def tell(self, path: Path, how: Fate, becomes: str) -> None:
        """Say what becomes of a field and of all below it that is not told of by itself."""
        self._told[path] = (how, becomes)

    def note(self, text: str, becomes: str, *, how: Fate = "approximated") -> None:
        """Say what the object does not say itself, and its controller would do by default."""
        self._notes.append(Entry("", text, 0, how, becomes, UNSAID))

    def entries(self) -> tuple[Entry, ...]:
        """Return an entry for each field, in their order, with fields that share one fate as one; then the notes.

        Every leaf of the object lies under exactly one entry.
        """
        inside = {path[:length] for path in self._told for length in range(len(path))}
        return (*self._walk((), self.root, LOST, inside), *self._notes)

    def _walk(self, path: Path, value: object, fate: tuple[Fate, str], inside: set[Path]) -> Iterator[Entry]:
        is_told = path in self._told
        fate = self._told.get(path, fate)
        children = _children(value)
        if children and (path in inside or not is_told):
            for key, child in children:
                yield from self._walk((*path, key), child, fate, inside)
            return
        ignored: tuple[Fate, str] = ("ignored", EMPTY)
        how, becomes = ignored if value in (None, {}, []) and fate == LOST else fate
        yield Entry(spelled(path), self._text(path, value), self._line(path), how, becomes, UNSAID)

    def _text(self, path: Path, value: object) -> str:
        """Return a field as people read it: items of lists by their names, a value where it is short and no secret."""
        named: list[str | int] = []
        at: Any = self.root
        for key in path:
            at = at[key]
            name = at.get("name") if isinstance(key, int) and isinstance(at, dict) else None
            named.append(name if isinstance(name, str) and name else key)
        is_shown = isinstance(value, str | int | float | bool) and not PRIVATE & set(path) and len(str(value)) <= 40
        text = _joined(path, named)
        return f"{text}: {value}" if is_shown and "\n" not in str(value) else text

    def _line(self, path: Path) -> int:
        """Return the line of a field, or of the nearest one around it; 0 where none is known."""
        return next((self._lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in self._lines), 0)


@dataclass(frozen=True, slots=True)
class Part:
    """A field of the object, there or not, with the account that it belongs to."""

    account: Account
    path: Path
    value: Any

    def __bool__(self) -> bool:
        """Whether it is there and not null."""
        return self.value is not None

    def told(self, how: Fate, becomes: str) -> Any:
        """Say what becomes of it, if it is there, and return its value."""
        if self:
            self.account.tell(self.path, how, becomes)
        return self.value

    def of(self, *keys: str) -> Part:
        """Return a field below it; absent where one on the way is.

        Raises:
            InvalidNode: one on the way is no mapping.
        """
        part = self
        for key in keys:
            part = Part(self.account, (*part.path, key), part.mapping().get(key))
        return part

    def mapping(self) -> Mapping[str, Any]:
        """Return the mapping that it is, an empty one where it is absent."""
        return self._checked(dict, "a mapping") or {}

    def parts(self) -> list[Part]:
        """Return the items of the list that it is, or the fields of the mapping; without those that are null."""
        items = (
            self.mapping().items() if isinstance(self.value, dict) else enumerate(self._checked(list, "a list") or ())
        )
        return [Part(self.account, (*self.path, key), value) for key, value in items if value is not None]

    def texts(self) -> dict[str, str]:
        """Return a mapping of texts."""
        return {str(part.path[-1]): part.text() for part in self.parts()}

    def text(self, default: str = "") -> str:
        """Return its text, or the default where it is absent."""
        found = self._checked(str, "a text")
        return default if found is None else found

    def number(self, default: int = 0, *, least: int = 0) -> int:
        """Return a whole number from `least` on, or the default where it is absent."""
        found = self._checked(int, "a whole number")
        if found is not None and (isinstance(found, bool) or found < least):
            raise self.refused(f"{shown(found)} is out of range", f"give a whole number from {least}")
        return default if found is None else int(found)

    def is_true(self) -> bool:
        """Whether it is true; false where it is absent."""
        return self._checked(bool, "true or false") or False

    def refused(self, problem: str, remedy: str) -> InvalidNode:
        """Return the error of this field."""
        return InvalidNode(problem, field=spelled(self.path), remedy=remedy)

    def _checked(self, kind: type, word: str) -> Any:
        if self.value is not None and not isinstance(self.value, kind):
            raise self.refused(f"is not {word}", "`kubectl explain` tells what stands there")
        return self.value


def spelled(path: Path) -> str:
    """Return a path as people write it: spec.containers[0].env, metadata.labels[acme.com/team]."""
    return _joined(path, path)


def _joined(path: Path, shown_as: Sequence[str | int]) -> str:
    text = ""
    for key, name in zip(path, shown_as, strict=True):
        is_plain = isinstance(key, str) and key.replace("_", "").isalnum()
        text += (f".{key}" if text else str(key)) if is_plain else f"[{str(name)[:80]}]"
    return text or "."


def _children(value: object) -> list[tuple[str | int, Any]]:
    if isinstance(value, Mapping):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []
