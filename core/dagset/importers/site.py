"""What a site's partitions, QOS, features and GPU types mean in its cluster, in words of a node."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dagset.errors import InvalidNode
from dagset.importers.options import OPTIONS
from dagset.model import DagNode

__all__ = ["Site", "over", "site_from"]

Words = dict[str, Any]
# What the importer writes itself, and would be lost under another word.
NOT_ITS_OWN = {"roles", "name", "files", "command", "args", "affinity", "pod_patch"}
WORDS = frozenset(each.name for each in msgspec.structs.fields(DagNode)) - NOT_ITS_OWN
OPTION_NAMES = frozenset(each.name for each in OPTIONS)
EXAMPLE = "for example partition: {gpu: {queue_name: gpu-small}}"


@dataclass(frozen=True, slots=True)
class Site:
    """Words for every script, and words for a value of an option (or for a GPU type, under `gpu`)."""

    image: str = ""
    defaults: Words = field(default_factory=dict)
    meanings: Mapping[str, Mapping[str, Words]] = field(default_factory=dict)

    def words_for(self, option: str, value: str | None) -> Words | None:
        """Return what a value means here, None if the site does not say.

        Of a list (`a,b` or `a|b`) the first that is known counts, since Slurm takes any; all of `a&b` must be known.
        """
        known = self.meanings.get(option, {})
        if value is None or value in known:
            return known.get(value or "")
        if "&" in value:
            each = [known.get(part) for part in value.split("&")]
            return None if None in each else over(*(words for words in each if words is not None))
        return next((known[part] for part in re.split("[,|]", value) if part in known), None)


def site_from(given: Mapping[str, Any]) -> Site:
    """Return the site that a file describes.

    Raises:
        InvalidNode: a key that is no option of sbatch, or a word that a node does not have or a script decides.
    """
    meanings = {key: value for key, value in given.items() if key not in ("image", "defaults")}
    for option, values in meanings.items():
        if option not in OPTION_NAMES | {"gpu"}:
            raise InvalidNode("is no option of sbatch", field=str(option), remedy=f"image, defaults, gpu, or {EXAMPLE}")
        if not isinstance(values, Mapping):
            raise InvalidNode("is not a mapping of values", field=option, remedy=EXAMPLE)
    defaults = given.get("defaults", {})
    named = {f"{option}[{value}]": words for option, each in meanings.items() for value, words in each.items()}
    for where, words in {"defaults": defaults, **named}.items():
        _check(words, where)
    return Site(str(given.get("image", "")), dict(defaults), meanings)


def _check(words: object, where: str) -> None:
    if not isinstance(words, Mapping):
        raise InvalidNode("is not a mapping of words", field=where, remedy="for example {queue_name: gpu-small}")
    for word in words:
        if word not in WORDS:
            raise InvalidNode("is no word that a site can give", field=f"{where}.{word}", remedy="see docs/model.md")


def over(*layers: Words) -> Words:
    """Return the layers each over the ones before it: mappings are joined key by key, all else is replaced."""
    result: Words = {}
    for layer in layers:
        for word, value in layer.items():
            both = isinstance(value, Mapping) and isinstance(result.get(word), Mapping)
            result[word] = {**result[word], **value} if both else value
    return result
