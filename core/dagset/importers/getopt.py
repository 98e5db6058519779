"""From words to options as GNU getopt_long takes them: glued values, groups of letters, beginnings of long names."""

from collections.abc import Iterator
from dataclasses import dataclass

from dagset.errors import InvalidNode
from dagset.importers.directives import Word
from dagset.importers.options import OPTIONS, Option
from dagset.model.showing import shown

__all__ = ["Given", "options_of"]

BY_NAME = {option.name: option for option in OPTIONS}
BY_SHORT = {option.short: option for option in OPTIONS if option.short}
# Of plugins, or newer than the oldest sbatch we follow: known by their full name, but no rivals of an abbreviation.
RIVALS = [option for option in OPTIONS if "container" not in option.name or option.name == "container"]


@dataclass(frozen=True, slots=True)
class Given:
    """An option that a script gives; `option` is None for one that sbatch itself does not have (of a site's plugin)."""

    spelled: str
    value: str | None
    line: int
    option: Option | None

    @property
    def name(self) -> str:
        """Its full name without dashes."""
        return self.option.name if self.option else self.spelled.lstrip("-")

    @property
    def text(self) -> str:
        """Return it as the report shows it."""
        if self.value is None:
            return self.spelled
        return f"{self.spelled}={self.value}" if self.spelled.startswith("--") else f"{self.spelled} {self.value}"


def options_of(words: tuple[Word, ...]) -> tuple[Given, ...]:
    """Return the options that words spell, in their order.

    Raises:
        InvalidNode: where sbatch stops too: a word that belongs to nothing, a value missing or too much, a beginning
            of several names.
    """
    return tuple(_given(list(words)))


def _given(words: list[Word]) -> Iterator[Given]:
    while words:
        word = words.pop(0)
        if word.text == "--" and words:
            raise _stray(words[0])
        if word.text.startswith("--") and word.text != "--":
            yield _long(word, words)
        elif word.text.startswith("-") and word.text not in ("-", "--"):
            yield from _shorts(word, words)
        elif word.text != "--":
            raise _stray(word)


def _stray(word: Word) -> InvalidNode:
    remedy = "quote a value with blanks; where a value may be left out, write it behind ="
    return InvalidNode(f"{shown(word.text)} belongs to no option", field=_at(word.line), remedy=remedy)


def _long(word: Word, rest: list[Word]) -> Given:
    name, equals, value = word.text[2:].partition("=")
    option = _option(name, word.line)
    if option is None:
        return Given(f"--{name}", value if equals else _loose_value(rest), word.line, None)
    if option.arg == "none" and equals:
        raise InvalidNode(f"--{option.name} takes no value", field=_at(word.line), remedy="remove it")
    found: str | None = value if equals else None
    if option.arg == "value" and not equals:
        found = _needed(rest, f"--{option.name}", word.line)
    return Given(f"--{name}", found, word.line, option)


def _option(name: str, line: int) -> Option | None:
    if name in BY_NAME:
        return BY_NAME[name]
    rivals = [option for option in RIVALS if option.name.startswith(name)]
    if (
        len({option.name.removeprefix("n") if "tasks-per-node" in option.name else option.name for option in rivals})
        > 1
    ):
        names = ", ".join(f"--{option.name}" for option in rivals)
        raise InvalidNode(f"--{name} may be {names}", field=_at(line), remedy="write one of them")
    return rivals[0] if rivals else None


def _shorts(word: Word, rest: list[Word]) -> Iterator[Given]:
    """Yield the options of a group of letters; the first that takes a value has what is left of the word."""
    letters = word.text[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        option = BY_SHORT.get(letter)
        spelled = f"-{letter}"
        if option is None:
            yield Given(spelled, letters or _loose_value(rest), word.line, None)
            return
        if option.arg == "value":
            yield Given(spelled, letters or _needed(rest, spelled, word.line), word.line, option)
            return
        if option.arg == "maybe":
            yield Given(spelled, letters or None, word.line, option)
            return
        yield Given(spelled, None, word.line, option)


def _needed(rest: list[Word], spelled: str, line: int) -> str:
    if not rest:
        raise InvalidNode(f"{spelled} has no value", field=_at(line), remedy="give it one")
    return rest.pop(0).text


def _loose_value(rest: list[Word]) -> str | None:
    """Return the word behind an unknown option, if it cannot be an option itself."""
    return rest.pop(0).text if rest and not rest[0].text.startswith("-") else None


def _at(line: int) -> str:
    return f"line {line}" if line else "--with"
