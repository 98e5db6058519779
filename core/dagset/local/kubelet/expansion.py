"""`$(VAR)` in command, args and env, as Kubernetes expands it."""

import re
from collections.abc import Mapping

__all__ = ["expand"]

# `$$` is an escaped dollar; `$(` without its `)` and a dollar before anything else stay as they are.
_TOKEN = re.compile(r"\$(?:\$|\(([^)]*)\))")


def expand(text: str, *, variables: Mapping[str, str]) -> str:
    """Give the text with `$(NAME)` replaced and `$$` made `$`; a name that is not known stays `$(NAME)`.

    Source:
        Kubernetes, third_party/forked/golang/expansion/expand.go; the value is not expanded again.
    """
    return _TOKEN.sub(lambda found: _value(found, variables=variables), text)


def _value(found: re.Match[str], *, variables: Mapping[str, str]) -> str:
    name: str | None = found.group(1)
    return "$" if name is None else variables.get(name, found.group(0))
