"""Reading people's files: what is read, and what is refused before it does harm."""

from pathlib import Path

import pytest

from dagset.errors import InvalidNode
from dagset.model import DagNode, File, load, read_words

NODE = "name: n\nimage: a\n"


def refusal(path: Path) -> str:
    with pytest.raises(InvalidNode) as caught:
        load(path)
    return str(caught.value).replace(str(path.parent), "DIR")


def written(folder: Path, text: str | bytes, *, name: str = "node.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_files_are_read_relative_to_the_node_file(tmp_path: Path):
    (tmp_path / "src").mkdir()
    written(tmp_path / "src", "print(1)\n", name="train.py")
    written(tmp_path, b"\x00\xff", name="w.bin")
    path = written(tmp_path, NODE + "files: {t.py: {path: src/train.py}, w: {path: w.bin}}\n")

    expected = DagNode(name="n", image="a", files={"t.py": File(text="print(1)\n"), "w": File(data=b"\x00\xff")})
    assert expected == load(path)


def test_json_is_read_as_json(tmp_path: Path):
    assert DagNode(name="n", image="a") == load(written(tmp_path, '{"name": "n", "image": "a"}', name="node.json"))


def test_words_can_be_read_without_being_checked(tmp_path: Path):
    words = read_words(written(tmp_path, "image: a\npods: '{{ params.n }}'\nunknown: 1\n"))

    assert {"image": "a", "pods": "{{ params.n }}", "unknown": 1} == words


LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
BROKEN = {
    "a: [": "DIR/node.yaml: line 1, column 5: expected the node content, but found '<stream end>'; mend the YAML there",
    "name: n\nname: m": "DIR/node.yaml: line 2, column 1: the key 'name' stands twice; mend the YAML there",
    f"a: *{'9' * 5000}": f"DIR/node.yaml: line 1, column 4: found undefined alias '{'9' * 177}...; mend the YAML there",
    "a: &a [*a]": "DIR/node.yaml: an alias stands inside its own anchor; write the values out",
    LAUGHS: "DIR/node.yaml: more than 100000 values once aliases are followed; write fewer aliases",
    "name: !!python/object:os.system {}": "DIR/node.yaml: line 1, column 7: could not determine a constructor for the "
    "tag 'tag:yaml.org,2002:python/object:os.system'; mend the YAML there",
    "--- 1\n--- 2": "DIR/node.yaml: line 2, column 1: but found another document; mend the YAML there",
    b"\xff\xfe\xff": "DIR/node.yaml: is not UTF-8 text; give a YAML or JSON file",
    NODE + "files: {a: {path: .}}": "DIR/node.yaml: files[a]: .: is not a regular file; give the path of a file",
    NODE + "files: {a: {}}": "DIR/node.yaml: files[a]: needs exactly one of path, text and data; "
    "for example {path: train.py}",
    "apiVersion: batch/v1\nkind: Job": "DIR/node.yaml: is a manifest of Kubernetes ('Job') and no node; "
    "a node has name, image, command; `dagset schema` prints all words",
    NODE + "xyzzy: 4": "DIR/node.yaml: xyzzy: unknown word; `dagset schema` prints all words",
    NODE + "pods: 0": "DIR/node.yaml: pods: 0 does not fit: expected a whole number >= 1; for example pods: 4",
}


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: repr(text[:24]))
def test_a_broken_file_is_one_sentence_that_names_it(tmp_path: Path, text: str | bytes):
    assert refusal(written(tmp_path, text)) == BROKEN[text]


def test_a_script_is_not_read_as_a_node(tmp_path: Path):
    assert (
        "DIR/job.sh: is a script; a node file is YAML, with name, image and command; "
        "of a Slurm script the name ends in .sbatch"
    ) == refusal(written(tmp_path, "#!/bin/sh\necho hi\n", name="job.sh"))
    assert DagNode(name="n", image="a") == load(written(tmp_path, "#!/usr/bin/env dagset run\n" + NODE))


def test_deep_nesting_is_refused_not_a_crash(tmp_path: Path):
    assert "cannot be read as YAML" in refusal(written(tmp_path, "[" * 5000))
    assert "cannot be read as JSON" in refusal(written(tmp_path, "[" * 5000, name="node.json"))


def test_what_is_no_file_is_refused_before_it_is_read(tmp_path: Path):
    assert refusal(tmp_path / "no.yaml") == "DIR/no.yaml: cannot be read: No such file or directory; check the path"
    assert "is not a regular file" in refusal(Path("/dev/zero"))
    with written(tmp_path, "").open("r+b") as file:
        file.truncate(5 * 2**20)
    assert "holds 5242880 bytes; at most 4194304 are read" in refusal(tmp_path / "node.yaml")
