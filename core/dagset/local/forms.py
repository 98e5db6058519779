"""The forms of names and labels, and what the API says of one that is wrong.

Source:
    Kubernetes 1.36, staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go; the texts are theirs.
"""

import re

__all__ = ["dns_1035", "dns_label", "label_value", "qualified_name", "quoted", "subdomain", "variable_name"]

_LABEL, _DNS_1035 = "[a-z0-9]([-a-z0-9]*[a-z0-9])?", "[a-z]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_PART = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_ENDS = "must start and end with an alphanumeric character"
_RULES = {
    "label": (
        _LABEL,
        63,
        f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and {_ENDS} "
        "(e.g. 'my-name',  or '123-abc', ",
    ),
    "subdomain": (
        _SUBDOMAIN,
        253,
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
        f"{_ENDS} (e.g. 'example.com', ",
    ),
    "1035": (
        _DNS_1035,
        63,
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
        "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', ",
    ),
    "value": (
        f"({_PART})?",
        63,
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
        f"{_ENDS} (e.g. 'MyValue',  or 'my_value',  or '12345', ",
    ),
    "part": (
        _PART,
        63,
        f"name part must consist of alphanumeric characters, '-', '_' or '.', and {_ENDS} (e.g. 'MyName',  or "
        "'my.name',  or '123-abc', ",
    ),
}


def quoted(value: object) -> str:
    """Give a value as in `Invalid value: "x"`."""
    return f'"{value}"' if isinstance(value, str) else str(value)


def dns_label(text: object) -> str | None:
    """Say what is wrong with an RFC 1123 label, or None."""
    return _problem(text, rule="label")


def subdomain(text: object) -> str | None:
    """Say what is wrong with an RFC 1123 subdomain, or None."""
    return _problem(text, rule="subdomain")


def dns_1035(text: object) -> str | None:
    """Say what is wrong with an RFC 1035 label, or None."""
    return _problem(text, rule="1035")


def label_value(text: object) -> str | None:
    """Say what is wrong with the value of a label, or None."""
    return _problem(text, rule="value")


def qualified_name(text: str) -> str | None:
    """Say what is wrong with the key of a label or an annotation (`a` or `x.io/a`), or None."""
    prefix, slash, name = text.rpartition("/")
    if slash and (problem := subdomain(prefix)) is not None:
        return f"prefix part {problem}"
    return _problem(name, rule="part")


def variable_name(text: object) -> str | None:
    """Say what is wrong with the name of an environment variable, or None."""
    if isinstance(text, str) and text.isprintable() and text.isascii() and "=" not in text:
        return None
    return "a valid environment variable name must consist only of printable ASCII characters other than '='"


def _problem(text: object, *, rule: str) -> str | None:
    pattern, longest, words = _RULES[rule]
    if isinstance(text, str) and len(text) > longest:
        return f"must be no more than {longest} bytes"
    if isinstance(text, str) and re.fullmatch(pattern, text):
        return None
    return f"{words}regex used for validation is '{pattern}')"
