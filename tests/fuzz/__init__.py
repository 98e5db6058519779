"""Bytes that no person would write, for everything that reads people's files: no traceback, no hang, bounded memory.

`make fuzz` lets atheris (coverage-guided) look for hours; `python -m tests.fuzz --own` needs no atheris and mutates
seeds blindly, as the short run among the tests does.
"""
