"""Bare mode: the command of a `shell:` rule as it is, without a Snakemake in the pod, so in any image that has a shell.

Outside the executor interface, which knows no command but Snakemake's own: this reads what rules and jobs of Snakemake
9.27.1 hold, and does for a command what the Snakemake in a pod would.

Sources: snakemake: src/snakemake/jobs.py (Job.prepare), shell.py, executors/local.py.
"""

import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from snakemake_interface_executor_plugins.settings import SharedFSUsage

from dagset.errors import InvalidNode
from snakemake_executor_plugin_jobset.settings import ExecutorSettings
from snakemake_executor_plugin_jobset.words import BARE, CHUNK, switch

__all__ = ["Bare", "bare_of", "refuse_rule"]

LONGEST = 120 * 1024  # Linux takes 128 KiB as one argument of a program (MAX_ARG_STRLEN), our own words included
UNKNOWN = "<TBD>"  # of a resource that is known in the pod only (snakemake: common/tbdstring.py)
# How many threads the libraries of linear algebra start (snakemake: shell.py).
THREADS = (
    "OMP_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
NO_SHELL = 'dagset: this image has no {} to run the command with; take one that has, or write shell_exec="sh"'


@dataclass(frozen=True, slots=True)
class Bare:
    """A job's command, and what it finds when it starts.

    `shell` runs it, in `folder`; `inputs` are waited for, `wait_s` seconds at most; of `files` and `folders` nothing is
    left of an earlier run; `tmpdir` is "" where the image's own will do.
    """

    command: str
    folder: Path
    shell: str = "bash"
    threads: int = 1
    tmpdir: str = ""
    inputs: tuple[str, ...] = ()
    wait_s: int = 0
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    def script(self, *, clears: bool) -> str:
        """Return what a pod runs; one that `clears` removes itself what an earlier run, or an earlier pod, has left."""
        steps = [f"cd {shlex.quote(str(self.folder))}", self._wait()]
        if clears:
            steps += [f"rm -f -- {shlex.join(self.files)}" * bool(self.files)]
            steps += [f"rm -rf -- {shlex.join(self.folders)}" * bool(self.folders)]
        steps.append(f"export {' '.join(f'{name}={self.threads}' for name in THREADS)}")
        if self.tmpdir:
            tmpdir = shlex.quote(self.tmpdir)
            steps += [f"mkdir -p {tmpdir}", f"export TMPDIR={tmpdir} TMP={tmpdir} TEMPDIR={tmpdir} TEMP={tmpdir}"]
        shell, sorry = shlex.quote(self.shell), shlex.quote(NO_SHELL.format(self.shell))
        steps.append(f"{{ command -v {shell} >/dev/null || {{ echo {sorry} >&2; exit 127; }}; }}")
        steps.append(f"exec {shell} -c {shlex.quote(self.command)}")
        return " &&\n".join(filter(None, steps))

    def _wait(self) -> str:
        if not self.inputs or not self.wait_s:
            return ""
        late = f'[ -e "$file" ] || [ $n -ge {self.wait_s} ]'
        return f"for file in {shlex.join(self.inputs)}; do n=0; until {late}; do n=$((n + 1)); sleep 1; done; done"

    def clear(self) -> None:
        """Remove what an earlier run has left: for commands that run in several pods, before the first one starts.

        Raises:
            InvalidNode: it cannot be removed.
        """
        try:
            for name in (*self.files, *self.folders):
                path = self.folder / name
                if path.is_dir() and not path.is_symlink() and name in self.folders:
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
        except OSError as error:
            problem, remedy = f"what an earlier run left cannot be removed: {error}", "remove it"
            raise InvalidNode(problem, field=BARE, remedy=remedy) from None


def bare_of(job: Any, workflow: Any, *, settings: ExecutorSettings, folder: Path) -> Bare | None:
    """Return a job's command without Snakemake if its rule asks for it, or if all do that can; None if not.

    Args:
        job: Snakemake's.
        workflow: Snakemake's.
        settings: ours.
        folder: where Snakemake runs.

    Raises:
        InvalidNode: its rule asks for it, and it is not possible.
    """
    wanted = switch(job.resources, BARE, rule=job.name, default="on" if settings.bare else "off")
    if wanted == "off":
        return None
    need = "a group" if job.is_group() else next(_needs_of_rule(job.rule, workflow, settings=settings), None)
    if need is None:
        bare = _read(job, workflow, folder=folder)
        need = next(_needs(job, bare, settings=settings), None)
        if need is None:
            return bare
    if job.resources.get(BARE) is None:
        return None
    raise _refused(job.name, need)


def refuse_rule(rule: Any, workflow: Any, *, settings: ExecutorSettings) -> None:
    """Raise InvalidNode for a rule that asks for what is not possible, as far as it is known before its first job."""
    need = next(_needs_of_rule(rule, workflow, settings=settings), None)
    if need is not None:
        raise _refused(rule.name, need)


def _refused(rule: str, need: str) -> InvalidNode:
    problem, remedy = f"{need} needs a Snakemake in the pod, and a bare rule has none there", "leave out one of the two"
    return InvalidNode(problem, field=BARE, source=f"rule {rule}", remedy=remedy)


def _needs(job: Any, bare: Bare, *, settings: ExecutorSettings) -> Iterator[str]:
    """Yield what of a job only a Snakemake in the pod can do."""
    if job.resources.get(CHUNK, settings.chunk) != 1:
        yield CHUNK
    if any(file.is_storage for file in (*job.input, *job.output, *job.log)):
        yield "storage"
    own_tmpdir = getattr(job.rule.resources["tmpdir"], "raw", None) != "system_tmpdir"
    if UNKNOWN in bare.command or (own_tmpdir and job.resources.get("tmpdir") == UNKNOWN):
        yield "a resource that is known in the pod only (for tmpdir write $TMPDIR)"
    length = len(bare.script(clears=True).encode())
    if length > LONGEST:
        yield f"a command of {length} bytes"


def _needs_of_rule(rule: Any, workflow: Any, *, settings: ExecutorSettings) -> Iterator[str]:
    deployed = _deployed(workflow)
    if SharedFSUsage.INPUT_OUTPUT not in workflow.storage_settings.shared_fs_usage:
        yield "--shared-fs-usage none"
    if not rule.is_shell:
        yield "what is not shell:"
    if rule.shadow_depth is not None:
        yield "shadow:"
    if rule.benchmark is not None:
        yield "benchmark:"
    if workflow.workflow_settings.cache is not None and rule.cache and rule.cache.output:
        yield "cache:"
    if any(file.flags.get("update") for file in rule.output):
        yield "update()"
    if rule.conda_env and "CONDA" in deployed:
        yield "conda:"
    if rule.env_modules and "ENV_MODULES" in deployed:
        yield "envmodules:"
    if rule.container_img and "APPTAINER" in deployed and not settings.rule_containers:
        yield "container: without --jobset-rule-containers"


def _deployed(workflow: Any) -> set[str]:
    """Return which ways of software deployment are switched on; the interface is about to rename them."""
    given = vars(workflow.deployment_settings)
    methods = given.get("deployment_methods", given.get("deployment_method", ()))
    return {str(getattr(each, "name", each)).upper().replace("-", "_") for each in methods}


def _read(job: Any, workflow: Any, *, folder: Path) -> Bare:
    from snakemake.shell import shell  # type: ignore[import-untyped]

    executable = job.resources.get("shell_exec") or PurePath(shell.get_executable() or "sh").name
    words = (shell._get_process_prefix(executable), job.shellcmd or "", shell._process_suffix)
    tmpdir = job.resources.get("tmpdir")
    products = [file for file in (*job.output, *job.log) if str(file) != os.devnull]
    return Bare(
        command=" ".join(words).strip(),
        folder=folder,
        shell=executable,
        threads=job.threads,
        tmpdir="" if tmpdir in (None, UNKNOWN) else tmpdir,
        inputs=tuple(map(str, job.get_wait_for_files())),
        wait_s=workflow.execution_settings.latency_wait,
        files=tuple(str(file) for file in products if not file.is_directory),
        folders=tuple(str(file) for file in products if file.is_directory),
    )
