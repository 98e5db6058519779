"""Words from several places as the words of one node: an engine's defaults, a node file, what a task says itself."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from dagset.model.role import RoleWords

__all__ = ["ROLE_WORDS", "merged_words", "word_of"]

Words = dict[str, Any]
ROLE_WORDS = frozenset(field.name for field in msgspec.structs.fields(RoleWords))


def merged_words(*layers: Mapping[str, Any]) -> Words:
    """Return the words of a node that is described by layers, each over the ones before it, word by word.

    The roles are those of the last layer that has any. Words of a pod which other layers give beside them are the first
    role's: earlier ones beneath its own, later ones over them; but an image is also for each role without one. What
    one layer itself gives beside its roles stays there, for the model to refuse.

    Args:
        layers: words as `read_words` gives them, unchecked.
    """
    place = max((place for place, layer in enumerate(layers) if "roles" in layer), default=None)
    flat = {word: value for layer in layers for word, value in layer.items()}
    if place is None or not _are_mappings(flat["roles"]):
        return flat
    beneath, over = _of_a_pod(layers[:place]), _of_a_pod(layers[place + 1 :])
    image = {word: value for word, value in {**beneath, **over}.items() if word == "image"}
    first, *others = flat["roles"]
    roles = [{**beneath, **first, **over}, *({**image, **role} for role in others)]
    of_the_node = {word: value for word, value in flat.items() if word not in ROLE_WORDS}
    return {**of_the_node, **_of_a_pod(layers[place : place + 1]), "roles": roles}


def word_of(field: str) -> str:
    """Return the word that a refusal of merged words is about: what was given beside roles is in the first one."""
    return re.split(r"[\[.]", field.removeprefix("roles[0]."))[0]


def _of_a_pod(layers: Sequence[Mapping[str, Any]]) -> Words:
    return {word: value for layer in layers for word, value in layer.items() if word in ROLE_WORDS}


def _are_mappings(roles: object) -> bool:
    """Whether there are roles to merge with; what is no list of mappings is left to the model's refusal."""
    return isinstance(roles, list | tuple) and bool(roles) and all(isinstance(role, Mapping) for role in roles)
