"""Durations as people write them (30s, 15m, 1h30m, 2d), as whole seconds."""

import re

from dagset.errors import InvalidNode
from dagset.model.showing import shown

__all__ = ["parse_duration_s", "format_duration"]

UNITS_S = {"d": 86400, "h": 3600, "m": 60, "s": 1}
PATTERN = re.compile(r"(?:(\d{1,10})d)?(?:(\d{1,10})h)?(?:(\d{1,10})m)?(?:(\d{1,10})s)?")
MAX_S = 2**31 - 1  # activeDeadlineSeconds and ttlSecondsAfterFinished are int32 in practice (kubernetes/api: batch/v1)


def parse_duration_s(value: object) -> int:
    """Return the seconds that `value` means; numbers and clock times are refused, since YAML reads 30:00 as 1800.

    Raises:
        InvalidNode: without a field; the caller knows which word it was.
    """
    if not isinstance(value, str):
        raise InvalidNode(
            f"{shown(value)} has no unit (YAML reads 30:00 as 1800)", remedy="write 30s, 15m, 1h30m or 2d"
        )
    match = PATTERN.fullmatch(value)
    if not value or match is None:
        raise InvalidNode(f"{shown(value)} is not a duration", remedy="write 30s, 15m, 1h30m or 2d")
    seconds = sum(int(count or 0) * unit_s for count, unit_s in zip(match.groups(), UNITS_S.values(), strict=True))
    if not 0 < seconds <= MAX_S:
        raise InvalidNode(f"{shown(value)} is out of range", remedy=f"from 1s to {MAX_S}s (68 years)")
    return seconds


def format_duration(seconds: int) -> str:
    """Return the shortest text that parse_duration_s reads back as `seconds` (1 or more)."""
    parts = []
    for unit, unit_s in UNITS_S.items():
        count, seconds = divmod(seconds, unit_s)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
