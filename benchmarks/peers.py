"""The peers' environment: made once per lock file, in the cache, so that theirs and our dependencies never meet."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

__all__ = ["peer_python"]

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "locks" / "peers.txt"


def peer_python(lock: Path = LOCK) -> Path:
    """Return the interpreter of an environment with exactly the locked peers; the first call takes half a minute."""
    cache = Path(os.environ.get("DAGSET_CACHE") or Path.home() / ".cache" / "dagset")
    venv = cache / "peers" / hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    done = venv / "done"
    if not done.exists():
        uv = [str(ROOT / ".tools" / "bin" / "uv")]
        subprocess.run([*uv, "venv", "-q", "--allow-existing", "--python", sys.executable, str(venv)], check=True)
        install = [*uv, "pip", "install", "-q", "--require-hashes", "-r", str(lock)]
        subprocess.run(install, check=True, env={**os.environ, "VIRTUAL_ENV": str(venv)})
        done.touch()
    return venv / "bin" / "python"
