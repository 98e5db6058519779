"""A user's value as an error shows it."""

__all__ = ["MAX_SHOWN", "shown"]

MAX_SHOWN = 60


def shown(value: object) -> str:
    """Return a value short and on one line."""
    try:
        text = repr(value)
    except ValueError:  # Python spells out no whole number of more than 4300 digits (sys.set_int_max_str_digits)
        return "a number with thousands of digits"
    except RecursionError:
        return "a value nested too deeply"
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."
