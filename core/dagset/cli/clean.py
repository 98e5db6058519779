"""Text of others made safe for a terminal: nothing in it moves the cursor, colours, rings or writes backwards."""

import re

__all__ = ["on_terminal"]

# Escape sequences go whole (ECMA-48: CSI, then the strings OSC, DCS, SOS, PM and APC, then all others).
SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
# What is left of C0 (but tab) and C1, the separators that some terminals break at, and what turns the direction.
CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def on_terminal(line: str) -> str:
    """Return one line as a terminal may show it: of what overwrites itself (progress bars) the last state."""
    if line.isascii() and line.isprintable():
        return line
    plain = SEQUENCES.sub("", line).rstrip("\r").rpartition("\r")[2]
    return CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), plain)
