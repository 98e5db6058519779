"""Stories: read, turned into commands that do what is told, and compared."""

import os
import re
import signal
import subprocess
from pathlib import Path

import msgspec
import pytest

from dagset import errors
from dagset.compile import compile_node
from dagset.model import Identity, node_from
from dagset.observe import REASONS, FirstFailed, Outcome, verdict, verdict_of_error
from dagset.testing.stories import Behaviour, Story, command_for, load_stories, load_story, node_words, trimmed

STORIES = load_stories(Path(__file__).parents[2] / "stories")
ENDED = {"phase": "succeeded", "reason": "succeeded", "exit_code": 0, "restarts": 0}


def story(*pods, **more):
    return Story(says="", node={}, outcome=ENDED, verdicts={}, pods=pods, name="told", **more)


def as_kubernetes_would(command, env):
    """Expand a command like the kubelet (kubernetes: third_party/forked/golang/expansion/expand.go)."""
    found = re.compile(r"\$(\$|\(([^)]*)\))")
    return [found.sub(lambda m: "$" if m[1] == "$" else env.get(m[2], m[0]), word) for word in command]


def run(story, *, role="worker", index=0, attempt=0):
    env = {"DAGSET_ROLE": role, "DAGSET_INDEX": str(index), "DAGSET_ATTEMPT": str(attempt), "PATH": os.environ["PATH"]}
    command = as_kubernetes_would(command_for(story), env)
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=20, check=False)


def test_the_first_behaviour_that_fits_is_what_a_pod_does():
    told = story(Behaviour(role="leader", exit=2), Behaviour(index=1, attempt=0, exit=3), Behaviour(index=1, exit=4))

    assert run(told, role="leader", index=1).returncode == 2
    assert run(told, index=1).returncode == 3
    assert run(told, index=1, attempt=1).returncode == 4
    assert run(told, index=5).returncode == 0


def test_lines_arrive_as_they_are_written():
    lines = ("it's $(DAGSET_ROLE) at $$1 for $HOME", r"100% \n `date` $((1))", "$$$(A) $$", "")
    out, err = run(story(Behaviour(say=lines))), run(story(Behaviour(say=lines, to="stderr")))

    assert ("\n".join(lines) + "\n", "") == (out.stdout, out.stderr)
    assert ("", "\n".join(lines) + "\n") == (err.stdout, err.stderr)


@pytest.mark.parametrize("name", ["SEGV", "ABRT", "KILL"])
def test_a_signal_is_an_exit_code_above_128(name):
    assert run(story(Behaviour(signal=name))).returncode == 128 + signal.Signals[f"SIG{name}"]


@pytest.mark.parametrize(("told", "code"), [(Behaviour(after_s=600), 143), (Behaviour(after_s=600, on_term=7), 7)])
def test_a_long_sleep_ends_on_sigterm_at_once(told, code):
    told = msgspec.structs.replace(told, say=())
    env = {"DAGSET_ROLE": "worker", "DAGSET_INDEX": "0", "DAGSET_ATTEMPT": "0", "PATH": os.environ["PATH"]}
    script = as_kubernetes_would(command_for(story(told)), env)[2].replace("rest 600", "echo up; rest 600")
    with subprocess.Popen(["sh", "-c", script], env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "up\n"
        process.terminate()

        assert code == process.wait(timeout=10)


def test_a_story_that_does_not_tell_its_end_is_refused(tmp_path):
    path = tmp_path / "half.yaml"
    path.write_text("{says: x, node: {}, verdicts: {}, outcome: {phase: failed}}")

    with pytest.raises(msgspec.ValidationError, match=r"half.yaml: outcome lacks reason, exit_code, restarts"):
        load_story(path)


def test_a_misspelled_word_is_refused(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("{says: x, node: {}, verdicts: {}, outcome: {}, podz: []}")

    with pytest.raises(msgspec.ValidationError, match=r"wrong.yaml: Object contains unknown field `podz`"):
        load_story(path)


@pytest.mark.parametrize("told", [told for told in STORIES if told.refused is None], ids=lambda told: told.name)
def test_every_story_compiles_and_maps_as_the_verdict_table_says(told):
    outcome = Outcome("n", "ns", "Job", "u", told.outcome["phase"], told.outcome["reason"], "", "", 0)

    assert compile_node(node_from(node_words(told)), Identity(owner="test", task=told.name)).owner["kind"]
    assert told.outcome["reason"] in REASONS
    assert told.verdicts == {engine: verdict(outcome, engine) for engine in ("airflow", "snakemake")}


@pytest.mark.parametrize("told", [told for told in STORIES if told.refused is not None], ids=lambda told: told.name)
def test_every_refusal_maps_as_its_error_does(told):
    error = getattr(errors, told.refused["error"])("")

    assert told.verdicts == dict.fromkeys(("airflow", "snakemake"), verdict_of_error(error))


def test_only_what_the_story_tells_is_compared_and_names_are_made_plain():
    first = FirstFailed("worker", 1, "train-1-abcde", 3, None, "Error", "host-7", ("on host-7",))
    outcome = Outcome(
        "train-1",
        "ml",
        "Job",
        "uid",
        "failed",
        "app_error",
        "train-1-abcde exited 3 on host-7, see train-1",
        "hint",
        3,
        first,
    )
    like = {"message": "", "first_failed": {"pod": "", "exit_code": 0, "last_lines": [""]}, "attempts": []}

    assert trimmed(outcome, like=like) == {
        "phase": "failed",
        "reason": "app_error",
        "exit_code": 3,
        "restarts": 0,
        "message": "<pod> exited 3 on <host>, see <name>",
        "first_failed": {"pod": "<pod>", "exit_code": 3, "last_lines": ["on <host>"]},
        "attempts": [],
    }
