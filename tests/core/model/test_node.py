"""What a node may say, and how each refusal reads."""

import msgspec
import pytest

from dagset.errors import InvalidNode
from dagset.model import DagNode, File, Role, Success, node_from


def refusal(text: str) -> str:
    with pytest.raises(InvalidNode) as caught:
        node_from(text)
    return str(caught.value)


def test_one_role_at_top_level_is_the_same_node_as_in_roles():
    short = DagNode(name="train", image="a", pods=4, coupling="gang")

    assert DagNode(name="train", coupling="gang", roles=[Role(image="a", pods=4)]) == short
    assert (Role(image="a", pods=4),) == short.roles
    assert node_from("{name: train, coupling: gang, roles: [{name: worker, image: a, pods: 4}]}") == short


def test_yaml_json_and_python_give_the_same_node():
    yaml = "{name: n, image: a, files: {f: {text: x}}, success: {count: 1}, pods: 2, coupling: array}"
    json = '{"name":"n","image":"a","files":{"f":{"text":"x"}},"success":{"count":1},"pods":2,"coupling":"array"}'
    expected = DagNode(
        name="n", image="a", files={"f": File(text="x")}, success=Success(count=1), pods=2, coupling="array"
    )

    assert expected == node_from(yaml)
    assert expected == node_from(json, is_json=True)


def test_one_pod_is_an_array_and_several_roles_are_a_gang():
    leader, worker = Role(name="leader", image="a"), Role(image="a", pods=2)

    assert DagNode(name="n", image="a").coupling == "array"
    assert DagNode(name="n", roles=(leader, worker)).coupling == "gang"


def test_fail_exit_codes_are_sorted_and_distinct():
    assert DagNode(name="n", image="a", fail_exit_codes=[139, 3, 139]).fail_exit_codes == (3, 139)


def test_text_that_spells_a_number_is_one_where_only_numbers_go():
    words = {"pods": "4", "parallelism": "2", "restarts": "1", "gpu": "1", "coupling": "array"}
    node = node_from({"name": "n", "image": "a", **words, "env": {"N": "4"}, "command": ["4"], "cpu": "4"})

    assert (4, 2, 1, 1) == (node.pods, node.parallelism, node.restarts, node.gpu)
    assert ({"N": "4"}, ("4",), "4") == (node.env, node.command, node.cpu)


def test_times_are_seconds():
    node = DagNode(name="n", image="a", deadline="1h30m", ttl="1d", grace_period="5s")

    assert (node.deadline_s, node.ttl_s, node.roles[0].grace_period_s) == (5400, 86400, 5)


def test_a_node_survives_being_written_and_read():
    node = DagNode(name="n", roles=[Role(name="l", image="a", env={"A": "1"}), Role(image="b", cpu=0.5)], keep="failed")

    assert msgspec.json.decode(msgspec.json.encode(node), type=DagNode) == node


REFUSALS = {
    "": "is empty; start with name: train",
    "- a": "['a'] is not a mapping of words; start with name: train",
    "{image: a}": "name: '' does not fit: expected text of another form; "
    "lower-case letters, digits and hyphens, for example name: node",
    "{name: Train_1, image: a}": "name: 'Train_1' does not fit: expected text of another form; "
    "lower-case letters, digits and hyphens, for example name: train-1",
    "{name: n}": "image: missing; for example image: python:3.11-slim",
    "{name: n, image: ' a'}": "image: ' a' names no image; for example image: python:3.11-slim",
    "{name: n, image: a, pods: 0}": "pods: 0 does not fit: expected a whole number >= 1; for example pods: 4",
    "{name: n, image: a, pods: four}": "pods: 'four' does not fit: expected a whole number, got text; "
    "for example pods: 4",
    "{name: n, image: a, podz: 2}": "podz: unknown word; did you mean pods?",
    "{name: n, image: a, retries: 2}": "retries: unknown word; "
    "did you mean restarts (a retry is a new node, made by the engine)?",
    "{name: n, image: a, pods: 2}": "coupling: 2 pods of one role, and nothing says whether they need each other; "
    "write coupling: gang (one failing ends all) or array (independent indexes)",
    "{name: n, image: a, deadline: 30:00}": "deadline: 1800 does not fit: expected text, got a whole number; "
    "for example deadline: 2h (unquoted, YAML reads 30:00 as 1800: write 30m)",
    "{name: n, image: a, deadline: soon}": "deadline: 'soon' is not a duration; write 30s, 15m, 1h30m or 2d",
    "{name: n, image: a, ttl: 5s}": "ttl: '5s' is too short to read the result in; at least 10m",
    "{name: n, image: a, env: {LR: 0.1}}": "env[LR]: the value does not fit: expected text, got a number; "
    'quote it, as in LR: "0.1"',
    "{name: n, image: a, env: {ON: yes}}": "env: a key does not fit: expected text, got true or false; "
    'quote it, as in LR: "0.1"',
    "{name: n, image: a, env: {DAGSET_ROLE: x}}": "env['DAGSET_ROLE']: is set by dagset itself; choose another name",
    "{name: n, image: a, env: {'1 X': x}}": "env['1 X']: is not a name for a variable; use A-Z, 0-9 and _",
    "{name: n, image: a, memory: 16}": "memory: 16 does not fit: expected text, got a whole number; "
    "for example memory: 16Gi",
    "{name: n, image: a, memory: 16m}": "memory: '16m' is not an amount of memory; write 512Mi or 16Gi",
    "{name: n, image: a, memory: '16'}": "memory: '16' is 16 bytes of memory; write 512Mi or 16Gi",
    "{name: n, image: a, cpu: -1}": "cpu: -1 is not an amount of cpus; write 4, 0.5 or 500m",
    "{name: n, image: a, cpu: 0.0001}": "cpu: 0.0001 cpus is out of range; from 1m to 1000000, in steps of 1m",
    "{name: n, image: a, gpu: 1, gpu_kind: a100}": "gpu_kind: 'a100' is not a resource name; "
    "for example gpu_kind: nvidia.com/gpu",
    "{name: n, image: a, command: ls -l}": "command: 'ls -l' does not fit: expected a list, got text; "
    'for example command: ["sh","-c","ls -l"]',
    '{name: n, image: a, command: ["a\\0b"]}': "command[0]: holds the character '\\x00'; remove it",
    "{name: n, image: a, command: ['']}": "command[0]: is empty; name the program",
    "{name: n, image: a, pods: true}": "pods: True does not fit: expected a whole number, got true or false; "
    "for example pods: 4",
    "{name: n, image: a, coupling: loose}": "coupling: 'loose' is not a choice; choose from array, gang",
    "{name: n, image: a, fail_exit_codes: [0]}": "fail_exit_codes[0]: 0 does not fit: expected a whole number >= 1; "
    "for example fail_exit_codes: [134,139]",
    "{name: n, image: a, success: {}}": "success: needs either roles, or indexes and count; "
    "for example success: {roles: [leader]}",
    "{name: n, image: a, success: {roles: [x]}}": "success.roles[0]: 'x' is no role of this node; choose from worker",
    "{name: n, image: a, success: {indexes: 0-3}}": "success.indexes: 3 is not an index; indexes go from 0 to 0",
    "{name: n, image: a, success: {count: 2}}": "success.count: 2 of 1 pods cannot be; from 1 to 1",
    "{name: n, image: a, coupling: gang, parallelism: 2}": "parallelism: 2 at once, but the pods of a gang need each "
    "other; remove it, or write coupling: array",
    "{name: n, image: a, coupling: array, pods: 200000}": "parallelism: 200000 of 200000 pods at once; "
    "Kubernetes runs 10000 at most: give less",
    "{name: n, image: a, coupling: gang, pods: 100001}": "roles[0].pods: 100001 is too many; at most 100000",
    "{name: n, image: a, roles: [{image: b}]}": "image: is given beside roles; move it into a role",
    "{name: n, roles: worker}": "roles: is not a list of roles; write - name: worker, then its words",
    "{name: n, roles: [worker]}": "roles[0]: is not a mapping of words; write - name: worker, then its words",
    "{name: n, roles: [{image: a}, {image: b}]}": "roles[1].name: 'worker' is taken by another role; "
    "give each role its own name",
    "{name: n, roles: [{image: a}, {name: b, image: b, pods: 0}]}": "roles[1].pods: 0 does not fit: "
    "expected a whole number >= 1; for example pods: 4",
    "{name: n, coupling: array, roles: [{image: a}, {name: b, image: b}]}": "coupling: an array has one role, "
    "this node has 2; write coupling: gang",
    "{name: n, image: a, files: {a/b: {text: x}}}": "files['a/b']: is not a file name; "
    "use letters, digits, - . _ and no folder",
    "{name: n, image: a, files: {a: {path: nowhere}}}": "files[a]: nowhere: cannot be read: "
    "No such file or directory; check the path",
}


@pytest.mark.parametrize("text", REFUSALS, ids=lambda text: text or "empty")
def test_a_refusal_names_field_value_and_remedy(text: str):
    assert refusal(text) == REFUSALS[text]


def test_no_refusal_shows_a_variable_or_a_file():
    secret = "hunter2"

    assert secret not in refusal(f"{{name: n, image: a, env: {{A: [{secret}]}}}}")
    assert secret not in refusal(f"{{name: n, image: a, files: {{A: {{text: {secret}, path: b}}}}}}")
    assert secret not in refusal(f"{{name: n, image: a, env: [{secret}]}}")


def test_a_python_caller_meets_the_same_refusals():
    with pytest.raises(InvalidNode, match=r"pods: 'many' does not fit: expected a whole number, got text"):
        DagNode(name="n", image="a", pods="many")
    with pytest.raises(InvalidNode, match=r"path: was not read yet"):
        _ = DagNode(name="n", image="a", files={"f": File(path="f")}).files["f"].content
