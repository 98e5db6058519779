"""Kubernetes quantities (`500m`, `1Gi`): their values, and sums of them as text.

Source:
    Kubernetes, k8s.io/apimachinery/pkg/api/resource/quantity.go: a sum is written in the notation of its first operand.
"""

import re
from collections.abc import Iterable
from fractions import Fraction

__all__ = ["is_quantity", "sum_text", "value_of"]

_SYNTAX = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?")
_BINARY = {f"{letter}i": Fraction(1024) ** power for power, letter in enumerate("KMGTPE", 1)}
_DECIMAL = {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": Fraction(1)}
_DECIMAL |= {letter: Fraction(1000) ** power for power, letter in enumerate("kMGTPE", 1)}


def is_quantity(text: object) -> bool:
    """Say whether the API takes this as a quantity; a bare number is one."""
    return not isinstance(text, bool) and isinstance(text, str | int | float) and bool(_SYNTAX.fullmatch(str(text)))


def value_of(text: object) -> Fraction:
    """Give the value in base units (cores, bytes, pieces). Raises ValueError for what is no quantity."""
    found = _SYNTAX.fullmatch(str(text))
    if found is None:
        raise ValueError(f"{text!r} is not a quantity")
    number, suffix = found[1], found[2] or ""
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        return Fraction(number) * Fraction(10) ** int(suffix[1:])
    return Fraction(number) * (_BINARY.get(suffix) or _DECIMAL[suffix])


def sum_text(quantities: Iterable[object]) -> str:
    """Give the sum, shortest in the notation of the first: `1Gi`, `1500m`, `3`; 0 for none."""
    texts = [str(one) for one in quantities]
    total = sum((value_of(text) for text in texts), Fraction(0))
    if not total:
        return "0"
    units = _BINARY if texts[0].endswith("i") else _DECIMAL
    for suffix, factor in sorted(units.items(), key=lambda item: -item[1]):
        if (total / factor).denominator == 1:
            return f"{total / factor}{suffix}"
    return str(total) if total.denominator == 1 else f"{-(-total * 10**9 // 1)}n"
