"""Text that has to arrive in a pod as it is: protected from Kubernetes' own expansion of command, args and env."""

import re

__all__ = ["escape_expansion"]

# Only these begin something: `$(NAME)` is a variable and `$$` is one dollar; any other dollar stays as it is
# (kubernetes/kubernetes: third_party/forked/golang/expansion/expand.go).
BEGINNING = re.compile(r"\$(?=[$(])")


def escape_expansion(text: str) -> str:
    """Return what Kubernetes expands to exactly `text`, whatever variables there are."""
    return BEGINNING.sub("$$", text)
