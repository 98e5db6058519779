"""Stories: a node, what its pods do, and how it has to end, on every cluster and in every engine (design.md 11).

A story is a YAML file; its name is the file's. What the pods do is a list of `Behaviour`s, and the first that fits a
pod's role, index and attempt is what that pod does; a pod that none fits exits 0 at once.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from dagset.compile.escape import escape_expansion
from dagset.observe import Outcome
from dagset.testing.actions import Action

__all__ = ["Ability", "Behaviour", "Story", "load_stories", "load_story", "command_for", "node_words", "trimmed"]

IMAGE = "busybox:1"
Ability = Literal["eviction", "drain", "kueue", "host_loss", "quota", "image", "schedule"]
ALWAYS_COMPARED = ("phase", "reason", "exit_code", "restarts")
# A sleep that SIGTERM ends at once: a shell runs its trap only when the foreground command is over, `wait` returns.
PRELUDE = """\
nap=
stop() { kill "$nap" 2>/dev/null; [ "$2" -eq 0 ] || sleep "$2"; exit "$1"; }
rest() { sleep "$1" & nap=$!; wait "$nap"; }
"""


class Behaviour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a pod does: it waits `after_s`, says its lines, and ends by exit code or signal.

    `role`, `index` and `attempt` say which pods are meant, None: any. On SIGTERM while it waits it exits with
    `on_term`, after `linger_s`. `signal` is a name without SIG; the pod's exit code is 128 + its number then. `run` is
    shell text for what no other word says; it comes after `say`, and may exit by itself.
    """

    role: str | None = None
    index: int | None = None
    attempt: int | None = None
    after_s: int = 0
    say: tuple[str, ...] = ()
    to: Literal["stdout", "stderr"] = "stdout"
    run: str = ""
    exit: int = 0
    signal: str | None = None
    on_term: int = 143
    linger_s: int = 0


class Story(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One story: a node, what its pods and others do, and either an end (`outcome`) or a refused submit (`refused`).

    Attributes:
        node: words of a DagNode; image and command are put in where they are not told.
        outcome: what is compared of the Outcome.
        verdicts: what each engine makes of it.
        pods: what the pods do; the first that fits.
        namespace: `own` makes one for this story alone.
        setup: manifests made before the submit, in this order; `{name}` is the owner's name, `{namespace}` the place.
            `{queue: {name: q, cpu: 200m}}` is a Kueue queue with a quota (see `stage.queue_with`).
        actions: what others do, in this order.
        needs: abilities that not every cluster has; one that lacks them leaves the story out, and says why.
        phases: the phases that a follower sees, in this order, the end's included; `starting`, and `queued` at the
            begin, only count when told.
        sees: texts that a follower reads in the details of the phases.
        results: what pods leave as results, by role, as lists by index (`results_of`); only compared when told;
            a long text as `abcd...wxyz (4096)`.
        refused: `error` (its class), perhaps `status`, and `text` of what the submit raises.
    """

    says: str
    node: dict[str, Any]
    verdicts: dict[str, str]
    outcome: dict[str, Any] = {}
    pods: tuple[Behaviour, ...] = ()
    namespace: Literal["shared", "own"] = "shared"
    setup: tuple[dict[str, Any], ...] = ()
    actions: tuple[Action, ...] = ()
    needs: tuple[Ability, ...] = ()
    phases: tuple[str, ...] = ()
    sees: tuple[str, ...] = ()
    results: dict[str, list[str | None]] | None = None
    refused: dict[str, Any] | None = None
    name: str = ""

    @property
    def alone(self) -> bool:
        """Whether it does to the hosts what no other story should meet."""
        return any(action.do == "drain" for action in self.actions)

    @property
    def one_at_a_time(self) -> bool:
        """Whether another story may do the same to the same host."""
        return any(action.do in ("drain", "hand") for action in self.actions)


def load_stories(folder: Path) -> list[Story]:
    """Return all stories of a folder, by name."""
    return [load_story(path) for path in sorted(folder.glob("*.yaml"))]


def load_story(path: Path) -> Story:
    """Return the story of a file; raises `msgspec.ValidationError`, which names the file and the field."""
    try:
        story = msgspec.yaml.decode(path.read_bytes(), type=Story)
    except msgspec.MsgspecError as error:
        raise msgspec.ValidationError(f"{path}: {error}") from error
    missing = [key for key in ALWAYS_COMPARED if key not in story.outcome]
    if story.refused is not None and story.outcome:
        raise msgspec.ValidationError(f"{path}: a refused node has no outcome")
    if story.refused is None and missing:
        raise msgspec.ValidationError(f"{path}: outcome lacks {', '.join(missing)}, which every story tells")
    return msgspec.structs.replace(story, name=path.stem)


def node_words(story: Story) -> dict[str, Any]:
    """Return the words of the story's DagNode, with the image and the command that make its pods do what is told."""
    told = {"image": IMAGE, "command": command_for(story)}
    words = {"name": story.name, **story.node}
    if "roles" not in words:
        return {**told, **words}
    return {**words, "roles": [{**told, **role} for role in words["roles"]]}


def command_for(story: Story) -> list[str]:
    """Return the command of every pod of the story: a POSIX shell script that looks who it is.

    It is escaped for Kubernetes, which expands `$(NAME)` in commands and turns `$$` into `$`.
    """
    cases = "".join(f"{_pattern(each)})\n{_body(each)};;\n" for each in story.pods)
    who = '"$DAGSET_ROLE/$DAGSET_INDEX/$DAGSET_ATTEMPT"'
    return ["sh", "-c", escape_expansion(f"{PRELUDE}case {who} in\n{cases}esac\n")]


def trimmed(outcome: Outcome, *, like: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has to be equal on all clusters: the keys of `like`, with names that differ by run made plain.

    In texts the owner's name, the first failed pod's and its host become `<name>`, `<pod>` and `<host>`.
    """
    first = outcome.first_failed
    plain = {outcome.name: "<name>"}
    if first is not None:
        plain |= {first.pod: "<pod>"} | ({first.host: "<host>"} if first.host else {})
    told = msgspec.to_builtins(outcome)
    keys = dict.fromkeys((*ALWAYS_COMPARED, *like))
    return {key: _like(told[key], like.get(key), plain=plain) for key in keys if key in told}


def _like(told: Any, like: Any, *, plain: Mapping[str, str]) -> Any:
    """Return of `told` the parts that `like` has too."""
    if isinstance(told, dict) and isinstance(like, dict):
        return {key: _like(told[key], wanted, plain=plain) for key, wanted in like.items() if key in told}
    if isinstance(told, list | tuple):
        wanted = [*like, *[None] * len(told)] if isinstance(like, list) else [None] * len(told)
        return [_like(each, want, plain=plain) for each, want in zip(told, wanted, strict=False)]
    if isinstance(told, str) and isinstance(like, str):
        for name in sorted(plain, key=len, reverse=True):
            told = told.replace(name, plain[name])
    return told


def _pattern(behaviour: Behaviour) -> str:
    parts = (behaviour.role, behaviour.index, behaviour.attempt)
    return "/".join("*" if part is None else str(part) for part in parts)


def _body(behaviour: Behaviour) -> str:
    lines = [f"trap 'stop {behaviour.on_term} {behaviour.linger_s}' TERM"]
    if behaviour.after_s:
        lines.append(f"rest {behaviour.after_s}")
    redirect = " >&2" if behaviour.to == "stderr" else ""
    lines += [f"printf '%s\\n' {shlex.quote(line)}{redirect}" for line in behaviour.say]
    lines += [behaviour.run] if behaviour.run else []
    if behaviour.signal is not None:
        # By a child: process 1 of a container does not get the signals that it sends to itself. Not every shell names
        # the signal that ended a child.
        lines.append(f"{{ sh -c 'kill -{shlex.quote(behaviour.signal)} $$'; }} 2>/dev/null\nexit $?")
    else:
        lines.append(f"exit {behaviour.exit}")
    return "\n".join(lines)
