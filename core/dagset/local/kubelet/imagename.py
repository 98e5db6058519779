"""Whether a kubelet could read the name of an image. The local cluster does not look at images beyond that.

Source:
    distribution/reference: normalize.go (ParseNormalizedNamed), regexp.go; the words of a real kubelet 1.36.
"""

import re

__all__ = ["problem_of_image"]

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<name>{_DOMAIN}/{_PART}(?:/{_PART})*)"
    r"(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)
_DIGEST_ALONE = re.compile("[a-f0-9]{64}")
_LONGEST_NAME = 255


def problem_of_image(image: str) -> str | None:
    """Give the message beside InvalidImageName, None when the name can be read."""
    problem = _problem(image)
    return problem and f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": {problem}'


def _problem(image: str) -> str | None:
    if _DIGEST_ALONE.fullmatch(image):
        return f"invalid repository name ({image}), cannot specify 64-byte hexadecimal strings"
    domain, rest = _split(image)
    repository = rest.partition(":")[0]
    if repository != repository.lower():
        return f"invalid reference format: repository name ({repository}) must be lowercase"
    found = _REFERENCE.fullmatch(f"{domain}/{rest}")
    if found is None:
        return "invalid reference format"
    if len(found["name"].partition("/")[2]) > _LONGEST_NAME:
        return f"repository name must not be more than {_LONGEST_NAME} characters"
    return None


def _split(image: str) -> tuple[str, str]:
    """Give the registry and the rest; what cannot be a registry is a name of the default one."""
    first, slash, rest = image.partition("/")
    if slash and (set(".:") & set(first) or first == "localhost" or first != first.lower()):
        return first, rest
    return "docker.io", image if slash else f"library/{image}"
