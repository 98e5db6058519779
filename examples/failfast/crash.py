"""A launcher whose program dies of a real segmentation fault, as a broken native library would cause it."""

import signal
import subprocess
import sys

PROGRAM = "import ctypes; ctypes.string_at(0)"  # reads the memory at address 0

# -X faulthandler: Python says on stderr where it was when the signal came.
ended = subprocess.run([sys.executable, "-X", "faulthandler", "-c", PROGRAM], check=False)
if ended.returncode < 0:
    # We end by the exit code that a shell would give, not by the signal: Linux keeps process 1 of a container from it.
    died_of = signal.Signals(-ended.returncode)
    print(f"the program died of {died_of.name}", file=sys.stderr)
    sys.exit(128 + died_of)
sys.exit(ended.returncode)
