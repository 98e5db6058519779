"""Names of the signals behind exit codes; Linux numbers, whatever machine we run on (man 7 signal)."""

__all__ = ["signal_name"]

NAMES = """
HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP
TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS
"""
SIGNALS = {128 + number: f"SIG{name}" for number, name in enumerate(NAMES.split(), start=1)}


def signal_name(exit_code: int | None) -> str | None:
    """Return the signal that shells and container runtimes report as 128 + its number, None for other codes."""
    return SIGNALS.get(exit_code or 0)
