"""`python -m tests.fuzz [target] [--seconds N]`: look for an input without an answer, and print it when it is found."""

import argparse
import importlib.util
import resource
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

MEMORY_BYTES = 1 << 30


def main() -> int:
    """Fuzz one target, or each in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="?", help="yaml, json, or an importer there is (default: all, in turn)")
    parser.add_argument("--seconds", type=int, default=600, help="for each target (600)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of an earlier run")
    parser.add_argument("--own", action="store_true", help="mutate blindly, without atheris")
    given = parser.parse_args()
    if given.target is None:
        return _each([f"--seconds={given.seconds}", f"--seed={given.seed}", *(["--own"] if given.own else [])])
    has_atheris = importlib.util.find_spec("atheris") is not None and not given.own
    way = "atheris" if has_atheris else "blind mutations: atheris is not installed, or not wanted"
    print(f"{given.target}: fuzzing for {given.seconds} s, --seed {given.seed} ({way})", flush=True)
    (_with_atheris if has_atheris else _with_own)(given.target, seconds=given.seconds, seed=given.seed)
    return 0


def _each(options: list[str]) -> int:
    from tests.fuzz.targets import TARGETS

    codes = [subprocess.call([sys.executable, "-m", "tests.fuzz", name, *options]) for name in TARGETS]
    return max(map(abs, codes))


def _with_own(name: str, *, seconds: int, seed: int) -> None:
    from tests.fuzz.own import fuzz
    from tests.fuzz.targets import TARGETS, seeds

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    tried = fuzz(TARGETS[name], seeds=seeds(name), seed=seed, seconds=seconds, most=sys.maxsize)
    print(f"{name}: {tried} inputs, no problem", flush=True)


def _with_atheris(name: str, *, seconds: int, seed: int) -> None:
    """Never returns: libFuzzer ends the process, with 0 when nothing was found."""
    import atheris

    with atheris.instrument_imports(include=["dagset", "yaml"]):
        from tests.fuzz.targets import TARGETS, load_all, seeds

        load_all()
    corpus = Path(tempfile.mkdtemp(prefix="dagset-fuzz-"))
    for number, text in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(text)
    limits = [f"-max_total_time={seconds}", f"-seed={seed}", "-timeout=60", "-rss_limit_mb=1024", "-max_len=20000"]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={corpus}-found-", str(corpus)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
