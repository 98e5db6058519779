"""One script, one node: what the corpus does not show at a glance."""

from typing import Any

import pytest

from dagset.errors import InvalidNode
from dagset.importers import Entry, Site, import_sbatch, site_from, table
from dagset.importers.dependencies import dependency_words
from dagset.importers.options import OPTIONS, Option


def words(*lines: str, **asked: Any) -> dict[str, Any]:
    """Return the words of a script of these directives, without what is in every one."""
    found = import_sbatch(
        "\n".join(["#!/bin/sh", *lines, "true"]), name="job.sh", **{"image": "busybox:1", **asked}
    ).words
    return {
        word: value for word, value in found.items() if word not in ("files", "pod_patch", "command", "image", "env")
    }


def report(*lines: str, **asked: Any) -> list[tuple[str, str]]:
    found = import_sbatch("\n".join(["#!/bin/sh", *lines, "true"]), name="job.sh", **{"image": "busybox:1", **asked})
    return [(entry.text, entry.how) for entry in found.report if entry.option]


def test_the_guides_allocation_becomes_exactly_the_resources_requested():
    expected = {
        "name": "job",
        "deadline": "30m",
        "pods": 1,
        "args": ["seconds=1800", "--"],
        "cpu": 1,
        "cpu_limit": 1,
        "gpu": 1,
    }

    assert expected == words("#SBATCH -N 1 -n 1 -t 30:00 --gpus=1")


def test_what_is_given_beside_the_script_counts_more():
    assert [("-N 2", "ignored"), ("-t 5", "mapped"), ("-N 1", "mapped")] == report("#SBATCH -N 2 -t 5", given="-N 1")


def test_arguments_arrive_as_they_are():
    assert ["--", "$$(HOME)", "$x", "a b", ""] == words(arguments=["$(HOME)", "$x", "a b", ""])["args"]


@pytest.mark.parametrize(
    ("line", "image", "expected"),
    [
        ("#SBATCH -n 1", "", "site:1"),
        ("#SBATCH --container-image=nvcr.io\\#nvidia/pytorch:23.10", "", "nvcr.io/nvidia/pytorch:23.10"),
        ("#SBATCH --container-image=docker://alpine:3", "", "alpine:3"),
        ("#SBATCH --container-image=/shared/x.sqsh", "", "site:1"),
        ("#SBATCH --container-image=alpine:3", "mine:2", "mine:2"),
    ],
)
def test_the_image_is_the_callers_then_the_scripts_then_the_sites(line: str, image: str, expected: str):
    found = import_sbatch(f"#!/bin/sh\n{line}\n", name="x", image=image, site=Site(image="site:1"))

    assert expected == found.node.image


def test_without_any_image_it_is_said_where_to_give_one():
    with pytest.raises(InvalidNode) as refused:
        import_sbatch("#!/bin/sh\n", name="x")

    assert (
        "image: no image: a batch script names none, and a pod needs one; "
        "set DAGSET_IMAGE=python:3.11-slim, `image:` in the site file, or #SBATCH --container-image"
    ) == str(refused.value)


SITE = {
    "image": "site:1",
    "defaults": {"memory": "2Gi", "node_selector": {"zone": "a"}},
    "partition": {"gpu": {"queue_name": "gpu-small", "node_selector": {"pool": "gpu"}}},
    "qos": {"high": {"queue_priority": "high"}},
    "gpu": {"a100": {"node_selector": {"product": "A100"}}},
    "constraint": {"ib": {"labels": {"ib": "yes"}}, "haswell": {"labels": {"cpu": "old"}}},
}


def test_the_site_says_what_its_words_mean_and_then_nothing_is_lost():
    lines = ["#SBATCH -p cpu,gpu -q high --gres=gpu:a100:2 -C ib&haswell"]

    assert {
        "name": "job",
        "memory": "2Gi",
        "node_selector": {"zone": "a", "pool": "gpu", "product": "A100"},
        "queue_name": "gpu-small",
        "queue_priority": "high",
        "labels": {"ib": "yes", "cpu": "old"},
        "pods": 1,
        "args": ["--"],
        "cpu": 1,
        "cpu_limit": 1,
        "gpu": 2,
    } == words(*lines, site=site_from(SITE))
    assert {"mapped"} == {how for _, how in report(*lines, site=site_from(SITE))}


def test_the_scripts_own_memory_counts_more_than_the_sites_default():
    assert "1Gi" == words("#SBATCH --mem=1G", site=site_from(SITE))["memory"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"partitions": {}}, "partitions: is no option of sbatch; image, defaults, gpu, or for example partition:"),
        ({"partition": ["gpu"]}, "partition: is not a mapping of values; for example partition:"),
        ({"qos": {"high": "urgent"}}, "qos[high]: is not a mapping of words; for example {queue_name: gpu-small}"),
        ({"defaults": {"comand": []}}, "defaults.comand: is no word that a site can give; see docs/model.md"),
    ],
)
def test_a_site_file_that_cannot_be_meant_is_refused(given: dict[str, Any], message: str):
    with pytest.raises(InvalidNode) as refused:
        site_from(given)

    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["#SBATCH -N 2 -a 0-3"],
            "--array: an array whose tasks have 2 hosts each is not one node: its 4 tasks are gangs",
        ),
        (["#SBATCH -N 2 --gpus=3"], "--gpus: 3 GPUs cannot be divided among 2 pods, which are all alike; write"),
        (["#SBATCH -a 1-2", "#SBATCH hetjob", "#SBATCH -N 2"], "--array: a heterogeneous job cannot be an array;"),
        (["#SBATCH -J x -t 3h"], "line 2: -t: '3h' is no time to Slurm; write minutes"),
        ([f"#SBATCH -J x -t 1-{'0' * 5000}"], "line 2: -t: "),
        ([f"#SBATCH -J x -n {'0' * 5000}1"], "line 2: -n: "),
    ],
)
def test_what_cannot_be_one_node_is_refused_with_the_way_out(lines: list[str], message: str):
    with pytest.raises(InvalidNode) as refused:
        words(*lines)

    assert str(refused.value).startswith(message)


def test_one_task_of_an_array_of_gangs_is_a_gang():
    found = words("#SBATCH -N 2 -a 0-3", given="-a 3")

    assert ("gang", 2, ["array=3", "--"]) == (found["coupling"], found["pods"], found["args"])


def test_components_of_a_heterogeneous_job_become_roles():
    found = import_sbatch(
        "#!/bin/sh\n#SBATCH -c 8\n#SBATCH hetjob\n#SBATCH -N 3 --mem=1G\n", name="x", image="busybox:1"
    )

    roles = [(role.name, role.pods, role.cpu, role.memory, role.env["SLURM_HET_GROUP"]) for role in found.node.roles]
    assert [("het0", 1, 8, None, "0"), ("het1", 3, 1, "1Gi", "1")] == roles


def test_report_says_what_a_later_component_cannot_decide():
    lines = ["#SBATCH -J a -t 5", "#SBATCH hetjob", "#SBATCH -J b -t 7", "#SBATCH hetjob", "#SBATCH --no-requeue"]

    assert [
        ("-J a", "mapped"),
        ("-t 5", "approximated"),
        ("-J b", "dropped"),
        ("-t 7", "mapped"),
        ("--no-requeue", "dropped"),
    ] == report(*lines)


@pytest.mark.parametrize("option", [each for each in OPTIONS if each.how == "dropped"], ids=lambda each: each.name)
def test_every_option_that_is_dropped_is_told_and_changes_no_word(option: Option):
    line = f"#SBATCH --{option.name}" + ("=now" if option.arg == "value" else "")

    assert [(line.removeprefix("#SBATCH "), "dropped")] == report(line)
    assert words() == words(line)


def test_sites_words_reach_every_component():
    lines = "#!/bin/sh\n#SBATCH -n 1\n#SBATCH hetjob\n#SBATCH -p gpu --mem=1G\n"
    found = import_sbatch(lines, name="x", site=site_from(SITE)).node

    assert [("2Gi", {"zone": "a"}), ("1Gi", {"zone": "a", "pool": "gpu"})] == [
        (role.memory, role.node_selector) for role in found.roles
    ]
    assert "gpu-small" == found.queue_name


def test_what_the_site_says_of_a_value_counts_more_than_the_script():
    site = site_from({"image": "x:1", "partition": {"shared": {"cpu": "50m", "cpu_limit": 2}}})

    assert ("50m", 2) == tuple(words("#SBATCH -p shared -c 4", site=site)[word] for word in ("cpu", "cpu_limit"))


def test_a_dependency_is_told_in_the_words_of_each_engine():
    assert (
        "nothing, draw it in the engine. "
        "afterok (succeeded): Airflow trigger_rule all_success; Argo depends X.Succeeded; Snakemake the rule's input. "
        "singleton (ended, of the same name): Airflow max_active_tis_per_dag=1 or a pool of 1; Argo a mutex; "
        "Snakemake resources: x=1. One of them is enough (?): Airflow one_success; Argo ||."
    ) == dependency_words("afterok:12:13?singleton")


def test_the_report_is_a_table_with_a_sum():
    entries = [
        Entry("nodes", "-N 2", 2, "mapped", "`pods`"),
        Entry("partition", "--partition=gpu", 0, "dropped", "nothing"),
    ]

    assert (
        "2       -N 2             mapped   pods\n--with  --partition=gpu  dropped  nothing\n1 mapped, 1 dropped"
    ) == table(entries)


EXPORTED = "#SBATCH --export=NONE,WORK=/tmp"


def told(*lines: str, directive: str = "") -> list[tuple[int, str]]:
    """Return line and name of what the report says of lines that are no options, but for the script as a whole."""
    text = "\n".join(["#!/bin/sh", directive, *lines])
    entries = import_sbatch(text, name="x", image="busybox:1").report
    return [(entry.line, entry.text) for entry in entries if not entry.option and entry.text != "the script"]


def test_commands_that_are_not_in_a_pod_are_told_where_they_stand():
    lines = ["# sbatch in a comment", "echo sbatch", "module load x && A=1 mpirun ./a", "id=$(squeue -h)", "sbatch a"]

    assert [(5, "module"), (5, "mpirun"), (6, "squeue"), (7, "sbatch")] == told(*lines)


def test_scontrol_is_told_but_for_what_works():
    lines = ["scontrol show hostnames", "if x; then scontrol requeue $SLURM_JOB_ID; fi", "scontrol update x"]

    assert [(4, "scontrol requeue"), (5, "scontrol")] == told(*lines)


def test_variables_that_no_pod_has_are_told_unless_the_script_has_a_value_for_them():
    lines = ["cd $SCRATCH/x ${WORK:-/tmp} $HOMEWORK", "echo $SLURM_JOB_ID $SLURM_TMPDIR ${SLURM_TOPOLOGY_ADDR}"]

    assert [(3, "$SCRATCH"), (4, "$SLURM_TOPOLOGY_ADDR")] == told(*lines)
    assert [] == told("SCRATCH=/tmp", "for PROJECT in a b; do ls $SCRATCH $PROJECT $WORK; done", directive=EXPORTED)


def test_what_differs_from_pod_to_pod_is_told_in_a_gang():
    lines = ["x=$RANDOM", "y=$(srun -n1 cat x)", "ip=$(srun -N1 -n1 -w $x hostname -i)", "srun --mpi=pmix a"]

    assert [] == told(*lines)
    assert [(3, "$RANDOM"), (4, "$(srun"), (6, "srun --mpi")] == told(*lines, directive="#SBATCH -N 2")


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("#SBATCH -c 4", ["`cpu: 4`, `cpu_limit: 4`"]),
        ("#SBATCH -N 2 -n 3", ["`pods: 2`", "`pods: 2`, `cpu: 2`; tasks in the pods, by srun: 2,1"]),
        ("#SBATCH -t 0", ["no `deadline`: no limit, as in Slurm"]),
        ("#SBATCH -a 1-5%2", ["`pods: 5`, `parallelism: 2`; index 0 is task 1, index 4 is task 5"]),
        ("#SBATCH -a 7", ["`pods: 1`; index 0 is task 7"]),
        ("#SBATCH --gres=none", ["no `gpu`"]),
        ("#SBATCH -w ./hosts", ["nothing: a file with names of hosts is not read; write the names"]),
        ("#SBATCH -J a_b", ["`name: a-b`"]),
    ],
)
def test_the_report_says_what_an_option_became_with_its_value(line: str, becomes: list[str]):
    found = import_sbatch(f"#!/bin/sh\n{line}\n", name="x", image="busybox:1")

    assert becomes == [entry.becomes for entry in found.report if entry.option]


def test_of_features_of_which_one_is_enough_the_first_known_counts():
    assert {"ib": "yes"} == words("#SBATCH -C gold|ib|haswell", site=site_from(SITE))["labels"]


def test_openmp_takes_the_cpus_of_a_task_unless_the_script_says_another_number():
    lines = ["#SBATCH -c 4", "#SBATCH -c 4 --export=OMP_NUM_THREADS=2", "#SBATCH -n 4"]
    found = [import_sbatch(f"#!/bin/sh\n{line}\n", name="x", image="busybox:1").node.roles[0].env for line in lines]

    assert ["4", "2", None] == [env.get("OMP_NUM_THREADS") for env in found]
