"""Hera templates of dagset. Importable; this version brings no template yet."""

__all__: list[str] = []
