"""Amounts of cpu and memory, checked before Kubernetes would, and emitted in one form.

Source: the quantity grammar (kubernetes/apimachinery: pkg/api/resource/quantity.go), less what nobody means for a pod:
exponents, fractions of a byte, cpus below a thousandth.
"""

import re
from decimal import Decimal

from dagset.errors import InvalidNode
from dagset.model.showing import shown

__all__ = ["cpu_millis", "cpu_text", "memory_bytes"]

CPU = re.compile(r"(\d{1,18})m|(\d{1,18}(?:\.\d+)?)")
MEMORY = re.compile(r"(\d{1,19}(?:\.\d+)?)(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P|)")
FACTORS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
FACTORS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
LEAST_MEMORY_BYTES = 2**20  # less is a slip of the unit: 16 means 16 bytes, and no container starts in it
MAX_MEMORY_BYTES = 2**62
MAX_CPUS = 10**6


def cpu_millis(value: float | str) -> int:
    """Return thousandths of a cpu: 4 and "4" are 4000, 0.5 and "500m" are 500. Finer than a thousandth is refused."""
    match = CPU.fullmatch(_text(value))
    if match is None or isinstance(value, bool):
        raise InvalidNode(f"{shown(value)} is not an amount of cpus", remedy="write 4, 0.5 or 500m")
    millis = Decimal(match[1]) if match[1] else Decimal(match[2]) * 1000
    if millis != int(millis) or not 1 <= millis <= MAX_CPUS * 1000:
        raise InvalidNode(f"{shown(value)} cpus is out of range", remedy=f"from 1m to {MAX_CPUS}, in steps of 1m")
    return int(millis)


def cpu_text(value: float | str) -> str:
    """Return the one spelling Kubernetes would store: whole cpus as such, else millis."""
    millis = cpu_millis(value)
    return f"{millis}m" if millis % 1000 else str(millis // 1000)


def memory_bytes(value: object) -> int:
    """Return bytes; a suffix is asked for, and `m` (thousandths of a byte to Kubernetes) is refused."""
    match = MEMORY.fullmatch(_text(value))
    if match is None:
        raise InvalidNode(f"{shown(value)} is not an amount of memory", remedy="write 512Mi or 16Gi")
    amount = Decimal(match[1]) * FACTORS[match[2]]
    if not LEAST_MEMORY_BYTES <= amount <= MAX_MEMORY_BYTES:
        raise InvalidNode(f"{shown(value)} is {int(amount)} bytes of memory", remedy="write 512Mi or 16Gi")
    return int(amount)


def _text(value: object) -> str:
    return value if isinstance(value, str) else shown(value)
