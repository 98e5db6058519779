"""python -m tests.examples.jax_environment: JAX for pods, installed once per lock file, in the cache."""

import hashlib
import os
import subprocess
from pathlib import Path

__all__ = ["environment"]

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "locks" / "jax.txt"
PYTHON = "/usr/bin/python3"  # which pods find too


def environment() -> Path:
    """Return the folder of the environment; it has `done` in it when it is complete."""
    cache = Path(os.environ.get("DAGSET_CACHE") or Path.home() / ".cache" / "dagset")
    return cache / "jax" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]


def install() -> None:
    """Make it, unless it is there."""
    venv = environment()
    if (venv / "done").exists():
        return
    uv = [str(ROOT / ".tools" / "bin" / "uv")]
    environ = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "VIRTUAL_ENV": str(venv)}
    subprocess.run([*uv, "venv", "-q", "--allow-existing", "--python", PYTHON, str(venv)], check=True, env=environ)
    subprocess.run([*uv, "pip", "install", "-q", "--require-hashes", "-r", str(LOCK)], check=True, env=environ)
    (venv / "done").touch()


if __name__ == "__main__":
    install()
