"""Both templates on the real Argo Workflows: every way to end, and what somebody does meanwhile. One run tells all."""

import json
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hera.workflows import DAG, Parameter, RetryStrategy, Steps, Workflow, WorkflowTemplate
from hera.workflows.models import WorkflowTemplateRef

from dagset_hera import JobSetResource, JobSetTask, cleanup
from tests.hera.theatre import LACKING, LEAN, RESOURCE, RESULTS, TASK, Act, Seen, Theatre
from tests.realcluster.argoimages import DAGSET
from tests.realcluster.restricted import namespace_of

pytestmark = pytest.mark.timeout(900)

Kind = type[JobSetResource] | type[JobSetTask]
FOR_EVER = "sleep 300"
UNTIL_TOLD = "trap 'exit 0' USR1; sleep 300 & wait"
UNHEARD = {"workflows.argoproj.io/kill-cmd-main": '["true"]'}  # in place of the program by which Argo signals
SHUT_DOWN = (
    *("r-stopped", "t-stopped", "t-unheard", "t-collected", "r-terminated", "t-terminated", "r-deleted", "t-deleted"),
    *("r-files-stopped", "r-files-terminated"),
)
QUEUE = "one-at-a-time"
ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples" / "hera").glob("*_workflow.py"))
# Every workflow that a page shows, as it stands there.
BLOCKS = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = {
    f"{page.stem.lower()}-{number}": block
    for page in (ROOT / "docs" / "hera.md", ROOT / "README.md")
    for number, block in enumerate(BLOCKS.findall(page.read_text()))
    if "dagset_hera" in block
}
POLICY = "status.conditions.0.reason in [FailJobSetFailurePolicyAction]"


def gang(name: str, script: str, **words: Any) -> dict[str, Any]:
    return {"coupling": "gang"} | pods(name, script) | words


def pods(name: str, script: str, **words: Any) -> dict[str, Any]:
    run = {"name": name, "image": "busybox:1", "command": ["sh", "-c", script]}
    return {**run, "grace_period": "1s", "cpu": "10m", "memory": "16Mi", **words}


def template(kind: Kind, node: dict[str, Any], **options: Any) -> JobSetResource | JobSetTask:
    more = {"image": DAGSET} if kind is JobSetTask else {}
    return kind(name="run", node=node, **more, **options)


def workflow(
    kind: Kind, node: dict[str, Any], *, tidy: str = "", account: str = "", call: Any = None, **options: Any
) -> dict:
    """One step `a`; `call` are arguments of its call, `tidy` the kinds that are deleted at the end."""
    account = account or (TASK if kind is JobSetTask else RESOURCE)
    with Workflow(name=node["name"], entrypoint="main", service_account_name=account) as made:
        run = template(kind, node, **options)
        if tidy:
            made.on_exit = cleanup(kind=tidy)
        with DAG(name="main"):
            run(name="a", **(call or {}))
    return made.to_dict()


def acts_of(kind: Kind, short: str) -> Iterator[tuple[str, Act]]:
    """The scenes that both templates play; names begin with `short`."""

    def scene(
        word: str, script: str, hand: Any = None, *, words: dict | None = None, **options: Any
    ) -> tuple[str, Act]:
        node = gang(f"{short}-{word}", script, **(words or {}))
        made = workflow(kind, node, **options)
        return word, Act(made, hand) if hand else Act(made)

    again = RetryStrategy(limit=1)
    yield scene("ok", "echo line of $DAGSET_INDEX; sleep 1")
    yield scene("failed", "echo boom >&2; exit 3")
    yield scene("retried", "exit 3", retry_strategy=again)
    yield scene("fast", "exit 134", retry_strategy=again)
    items = {"with_items": [1, 1, 1, 1, 2]} if kind is JobSetResource else {"with_param": "[1,1,1,1,2]"}
    fan = {"arguments": {"n": "{{item}}"}, **items}
    yield scene("fan", "true", words={"pods": "{{inputs.parameters.n}}"}, inputs=[Parameter(name="n")], call=fan)
    yield scene("deadline", FOR_EVER, words={"deadline": "4s"}, retry_strategy=again)
    yield scene("stopped", FOR_EVER, _stop, tidy="jobset" if kind is JobSetResource else "")
    yield scene("terminated", FOR_EVER, _terminate if kind is JobSetTask else _terminate_and_delete)
    yield scene("deleted", FOR_EVER, _delete)
    yield scene("evicted", UNTIL_TOLD, outlived(Theatre.evict))
    array = pods(f"{short}-array", "[ $DAGSET_INDEX != 1 ] || exit 7", pods=3, coupling="array")
    yield "array", Act(workflow(kind, array))
    yield "queued", Act(queued(kind, short))


def _stop(theatre: Theatre, name: str) -> None:
    theatre.until_running(name)
    theatre.shut_down(name, "Stop")


def _terminate(theatre: Theatre, name: str) -> None:
    theatre.until_running(name)
    theatre.shut_down(name, "Terminate")


def _terminate_and_delete(theatre: Theatre, name: str) -> None:
    """Nothing of a Workflow runs after terminate; its end takes the node along."""
    _terminate(theatre, name)
    theatre.until(lambda there: any(each["metadata"]["name"] == name and _has_failed(each) for each in there))
    theatre.kubectl("delete", "workflow", name)


def _has_failed(each: dict[str, Any]) -> bool:
    return each["kind"] == "Workflow" and each["status"].get("phase") == "Failed"


def _delete(theatre: Theatre, name: str) -> None:
    theatre.until_running(name)
    theatre.kubectl("delete", "workflow", name)


def outlived(act: Callable[[Theatre, str], None]) -> Callable[[Theatre, str], None]:
    """A hand that does something to Argo's pod, and lets the node end when another pod waits for it."""

    def hand(theatre: Theatre, name: str) -> None:
        theatre.until_running(name)
        before = theatre.own_pod(name)
        act(theatre, name)
        theatre.until_replaced(name, before)
        theatre.finish(name)

    return hand


def _kill(theatre: Theatre, name: str) -> None:
    theatre.kill(name, "argoexec" if name.startswith("r") else "supervise")


def _kill_and_delete(theatre: Theatre, name: str) -> None:
    """What becomes of a killed executor that might have had outputs is for ever open, until its pod is deleted."""
    pod = theatre.own_pod(name)["metadata"]["name"]
    _kill(theatre, name)
    theatre.until(lambda there: any(each["metadata"]["name"] == name and _is_stuck(each) for each in there))
    theatre.kubectl("delete", "pod", pod, "--wait=false")


def _is_stuck(each: dict[str, Any]) -> bool:
    """Tell whether a node of a workflow has failed, and Argo waits for its outputs."""
    nodes = each.get("status", {}).get("nodes", {}).values() if each["kind"] == "Workflow" else ()
    return any(node["phase"] == "Failed" and node.get("taskResultSynced") is False for node in nodes)


def collected() -> dict[str, Any]:
    """Its pods are deleted as soon as their steps have ended, that of a stopped step while its program still ends."""
    made = workflow(JobSetTask, gang("t-collected", FOR_EVER))
    made["spec"]["podGC"] = {"strategy": "OnPodCompletion", "deleteDelayDuration": "0s"}
    return made


def queued(kind: Kind, short: str) -> dict[str, Any]:
    """Two steps side by side in a queue with room for one."""
    with Workflow(name=f"{short}-queued", entrypoint="main", service_account_name=_account(kind)) as made:
        run = template(kind, gang(f"{short}-queued", "sleep 1", queue_name=QUEUE, cpu="100m"))
        with DAG(name="main"):
            run(name="a")
            run(name="b")
    return made.to_dict()


def with_files() -> Iterator[tuple[str, Act]]:
    """Nodes of a resource template that have a part: a template of three."""
    text, said = 'it "is" {{x}}', 'say "so"'
    script = f"[ \"$(cat $DAGSET_FILES/it)\" = '{text}' ] && [ \"$T\" = '{said}' ]"
    words = {"files": {"it": {"text": text}}, "env": {"T": "{{inputs.parameters.t}}"}}
    call = {"arguments": {"t": "{{item}}"}, "with_param": json.dumps([said] * 2)}
    made = gang("r-files", script, **words)
    yield "r-files", Act(workflow(JobSetResource, made, inputs=[Parameter(name="t")], call=call))
    lasting = {"files": {"it": {"text": text}}, "coupling": "array"}
    stopped = workflow(JobSetResource, pods("r-files-stopped", FOR_EVER, **lasting), tidy="job,configmap")
    yield "r-files-stopped", Act(stopped, _stop)
    deleted = workflow(JobSetResource, gang("r-files-terminated", FOR_EVER, files={"it": {"text": text}}))
    yield "r-files-terminated", Act(deleted, _terminate_and_delete)


def without_a_right() -> Iterator[tuple[str, Act]]:
    """For each right of a resource template a workflow that has all others."""
    for account, (resource, verb) in LACKING.items():
        words = {"files": {"it": {"text": ""}}} if resource == "configmaps" else {}
        tidy = "jobset" if verb in ("list", "delete") else ""
        yield account, Act(workflow(JobSetResource, gang(account, "true", **words), account=account, tidy=tidy))


def _account(kind: Kind) -> str:
    return TASK if kind is JobSetTask else RESOURCE


def of_a_template() -> list[dict[str, Any]]:
    """A WorkflowTemplate whose Steps hand a resource's outputs to a task, with a retry around Steps; and its run."""
    with WorkflowTemplate(name="kept", entrypoint="main", service_account_name=TASK) as made:
        first = JobSetResource(name="first", node=gang("of-template", "true"))
        last = JobSetTask(
            name="last",
            image=DAGSET,
            inputs=[Parameter(name="said")],
            node=pods("of-template-last", "echo said: $SAID", env={"SAID": "{{inputs.parameters.said}}"}),
        )
        with Steps(name="again", retry_strategy=RetryStrategy(limit=1)) as again:
            done = first(name="first")
            last(name="last", arguments={"said": f"{done.get_parameter('name')} {done.get_parameter('reason')}"})
        with DAG(name="main"):
            again(name="a")
    run = Workflow(name="of-template", workflow_template_ref=WorkflowTemplateRef(name="kept"))
    return [made.to_dict(), run.to_dict()]


def as_written(made: Workflow, name: str, **arguments: str) -> Act:
    """A workflow of an example or a page, under another name and with the tests' image."""
    manifest = made.to_dict()
    manifest["metadata"] = {"name": name}
    for parameter in manifest["spec"].get("arguments", {}).get("parameters", []):
        parameter["value"] = arguments.get(parameter["name"], parameter.get("value"))
    return Act(manifest)


def examples() -> Iterator[tuple[str, Act]]:
    for path in EXAMPLES:
        name = path.stem.replace("_", "-")
        yield name, as_written(runpy.run_path(str(path))["workflow"], name, dagset=DAGSET)
    for page, block in PAGES.items():
        names: dict[str, Any] = {}
        exec(block, names)
        yield page, as_written(names["workflow"], page)


def queue() -> list[dict[str, Any]]:
    """A queue with room for one of the two gangs."""
    kueue = {"apiVersion": "kueue.x-k8s.io/v1beta2"}
    flavors = [
        {
            "name": "default",
            "resources": [{"name": "cpu", "nominalQuota": "150m"}, {"name": "memory", "nominalQuota": "1Gi"}],
        }
    ]
    groups = [{"coveredResources": ["cpu", "memory"], "flavors": flavors}]
    spec = {"namespaceSelector": {}, "queueingStrategy": "BestEffortFIFO", "resourceGroups": groups}
    return [
        {**kueue, "kind": "ClusterQueue", "metadata": {"name": QUEUE}, "spec": spec},
        {**kueue, "kind": "LocalQueue", "metadata": {"name": QUEUE}, "spec": {"clusterQueue": QUEUE}},
    ]


@pytest.fixture(scope="module")
def seen(argo: Path) -> Iterator[dict[str, Seen]]:
    """Everything, played at once."""
    with namespace_of(argo) as namespace:
        theatre = Theatre(argo, namespace)
        theatre.furnish()
        theatre.apply(queue())
        kept, of_template = of_a_template()
        theatre.apply([kept])
        lean = workflow(JobSetResource, gang("r-killed", UNTIL_TOLD), account=LEAN, report=False)
        acts = {
            "of-template": Act(of_template),
            "r-killed": Act(lean, outlived(_kill)),
            "t-killed": Act(workflow(JobSetTask, gang("t-killed", UNTIL_TOLD)), outlived(_kill)),
            "t-unheard": Act(workflow(JobSetTask, gang("t-unheard", FOR_EVER), annotations=UNHEARD), _stop),
            "t-collected": Act(collected(), _stop),
            "r-stuck": Act(workflow(JobSetResource, gang("r-stuck", UNTIL_TOLD)), outlived(_kill_and_delete)),
            **dict(with_files()),
            **dict(without_a_right()),
            **dict(examples()),
            **{f"r-{word}": act for word, act in acts_of(JobSetResource, "r")},
            **{f"t-{word}": act for word, act in acts_of(JobSetTask, "t")},
        }
        try:
            told = theatre.play(acts)
            theatre.until_gone(SHUT_DOWN, "jobsets,jobs,configmaps")  # Argo ends a stopped step before its program ends
            left = theatre.get("workloads.kueue.x-k8s.io,jobsets,jobs,configmaps")
            told["left"] = Seen(objects={each["metadata"]["uid"]: each for each in left})
            for name in ("r-ok", *(name for name in acts if name.startswith("t-"))):
                told[name].log = theatre.log(name)
            yield told
        finally:
            theatre.kubectl("delete", "clusterqueue", QUEUE, "--wait=false")


both = pytest.mark.parametrize("short", ["r", "t"])


@both
def test_a_step_succeeds_with_its_outputs(seen: dict[str, Seen], short: str):
    one = seen[f"{short}-ok"]

    assert "Succeeded" == one.phase
    (owner,) = one.owners
    expected = {
        "name": owner.split()[1],
        "reason": "succeeded",
        "exit-code": "0",
        "restarts": "0",
        "failed-indexes": "",
    }
    assert expected == {name: value for name, value in one.outputs(".a").items() if name in expected}


def test_a_failed_step_says_what_argo_knows_or_what_a_supervisor_saw(seen: dict[str, Seen]):
    of_argo, ours = (seen[name].node(".a(0)") for name in ("r-failed", "t-failed"))

    message = "main: Error (exit code 64): failure condition '{status.terminalState == [Failed]}' evaluated true"
    assert ("Failed", message, "64") == (of_argo["phase"], of_argo["message"], of_argo["outputs"]["exitCode"])
    assert ("Failed", "3") == (ours["phase"], ours["outputs"]["exitCode"])
    pattern = r"main: Error \(exit code 3\): app_error: worker\[[01]\] exited 3 on dagset: boom\n\| boom"
    assert re.fullmatch(pattern, ours["message"])
    outputs = seen["t-failed"].outputs(".a")
    outcome = json.loads(outputs.pop("outcome"))
    assert {
        "name": outcome["name"],
        "reason": "app_error",
        "exit-code": "3",
        "restarts": "0",
        "failed-indexes": "",
        "message": outcome["message"],
    } == outputs


@both
def test_a_retry_makes_a_new_object(seen: dict[str, Seen], short: str):
    one = seen[f"{short}-retried"]

    assert ("Failed", 2) == (one.phase, len(one.owners))


@both
def test_a_fail_code_and_a_deadline_are_not_retried(seen: dict[str, Seen], short: str):
    fast, late = seen[f"{short}-fast"], seen[f"{short}-deadline"]

    assert [("Failed", 1)] * 2 == [(one.phase, len(one.owners)) for one in (fast, late)]
    codes = [one.node(".a(0)")["outputs"]["exitCode"] for one in (fast, late)]
    assert (["64", "64"] if short == "r" else ["134", "121"]) == codes
    said = [one.node(".a(0)")["message"].partition("): ")[2] for one in (fast, late)]
    if short == "r":
        assert [f"failure condition '{{{POLICY}}}' evaluated true"] * 2 == said
    else:
        assert ["failed_fast", "deadline_exceeded"] == [each.partition(":")[0] for each in said]


@both
def test_a_fan_out_has_an_object_for_each_item(seen: dict[str, Seen], short: str):
    one = seen[f"{short}-fan"]

    assert ("Succeeded", 5) == (one.phase, len(set(one.owners)))
    sizes = [each["spec"]["replicatedJobs"][0]["template"]["spec"]["completions"] for each in one.objects.values()]
    assert [1, 1, 1, 1, 2] == sorted(sizes)


@both
def test_an_array_fails_with_its_index(seen: dict[str, Seen], short: str):
    one = seen[f"{short}-array"]

    assert ("Failed", ["Job"]) == (one.phase, [each["kind"] for each in one.objects.values()])
    if short == "t":
        expected = {"reason": "failed_indexes", "failed-indexes": "1", "exit-code": "7"}
        assert expected == {name: one.outputs(".a")[name] for name in expected}
        assert one.node(".a(0)")["progress"].endswith("/3")  # of Argo's own it would be 0/1; it looks now and then


@pytest.mark.parametrize("name", SHUT_DOWN)
def test_what_is_stopped_terminated_or_deleted_leaves_nothing(seen: dict[str, Seen], name: str):
    assert (1, "files" in name) == (len(seen[name].owners), len(seen[name].of("ConfigMap")) == 1)
    left = seen["left"].of("JobSet", "Job", "ConfigMap")
    named = [each["metadata"]["name"] for each in left if each["metadata"]["name"].startswith(name)]
    assert [] == named, seen[name].log


def test_a_node_with_files_is_two_steps_that_are_called_as_one(seen: dict[str, Seen]):
    one = seen["r-files"]

    assert ("Succeeded", 2, 2) == (one.phase, len(one.owners), len(one.of("ConfigMap")))
    named = [each["metadata"]["name"] for each in one.of("ConfigMap")]
    assert {f"JobSet {name}" for name in named} == set(one.owners)
    steps = [each for each in one.workflow["status"]["nodes"].values() if each["type"] == "Steps"]
    assert sorted(named) == sorted(one.outputs(each["name"])["name"] for each in steps)


def test_argo_logs_shows_the_lines_of_the_node_s_pods(seen: dict[str, Seen]):
    """`argo logs` asks for the container `main` of each pod with this label (argo-workflows: util/logs)."""
    assert "line of 0" in seen["r-ok"].log.splitlines()
    assert "worker[0] line of 0" in seen["t-ok"].log


@pytest.mark.parametrize("account", LACKING)
def test_each_right_of_a_resource_template_is_needed(seen: dict[str, Seen], account: str):
    (resource, verb), one = LACKING[account], seen[account]

    said = " ".join(str(node.get("message")) for node in one.workflow["status"]["nodes"].values())
    assert f'cannot {verb or "create"} resource "{resource}"' in said or f'cannot patch resource "{RESULTS}"' in said
    assert "Failed" == one.phase or account in ("no-list", "no-delete")


def test_an_executor_that_was_killed_holds_its_workflow_until_its_pod_is_deleted_and_then_its_node_is_adopted(
    seen: dict[str, Seen],
):
    one = seen["r-stuck"]

    assert ("Succeeded", 1) == (one.phase, len(one.owners))
    assert ("Error", "pod deleted") == (one.node(".a(0)")["phase"], one.node(".a(0)")["message"])


@both
def test_a_node_outlives_the_pod_that_waits_for_it(seen: dict[str, Seen], short: str):
    for one in (seen[f"{short}-evicted"], seen[f"{short}-killed"]):
        assert ("Succeeded", 1) == (one.phase, len(one.owners))
        assert "Succeeded" != one.node(".a(0)")["phase"]
        assert "Succeeded" == one.node(".a(1)")["phase"]


@both
def test_kueue_admits_each_step_by_itself(seen: dict[str, Seen], short: str):
    one = seen[f"{short}-queued"]

    assert ("Succeeded", 2) == (one.phase, len(one.owners))
    workloads = [each for each in seen["left"].objects.values() if each["kind"] == "Workload"]
    owners = [each["metadata"]["ownerReferences"][0] for each in workloads]
    assert one.owners == sorted(
        f"{each['kind']} {each['name']}" for each in owners if each["name"].startswith(f"{short}-queued")
    )


def test_a_workflow_template_hands_outputs_from_one_class_to_the_other(seen: dict[str, Seen]):
    one = seen["of-template"]

    assert "Succeeded" == one.phase
    (last,) = [each for each in one.objects.values() if each["kind"] == "Job"]
    (first,) = [each for each in one.objects.values() if each["kind"] == "JobSet"]
    environment = last["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "SAID", "value": f"{first['metadata']['name']} succeeded"} in environment


@pytest.mark.parametrize("page", PAGES)
def test_a_page_s_example_runs_as_it_stands(seen: dict[str, Seen], page: str):
    one = seen[page]

    assert ("Succeeded", True) == (one.phase, len(one.owners) > 0)


def test_the_examples_do_what_they_say(seen: dict[str, Seen]):
    one, array, leader = seen["gang-workflow"], seen["array-workflow"], seen["leader-workflow"]

    assert ["Succeeded"] * 3 == [each.phase for each in (one, array, leader)]
    assert "Succeeded" == one.node(".onExit")["phase"]
    report = next(each for each in array.objects.values() if each["metadata"]["name"].startswith("report-"))
    sweeps = json.loads(report["spec"]["template"]["spec"]["containers"][0]["env"][-1]["value"])
    assert [("succeeded", "0")] * 2 == [(each["reason"], each["restarts"]) for each in sweeps]
    assert ("1", "succeeded") == (leader.outputs(".work")["restarts"], leader.outputs(".work")["reason"])
