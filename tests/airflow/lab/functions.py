"""The functions of lab/dag.py that run in pods, apart from it because what they say is what test_decorators reads."""

from airflow.sdk import task

IN_A_POD = {"image": "python:3.11-slim"}


def tasks() -> None:
    """Make a task of each function."""
    squares = square(3, factor=2)
    meet(squares)
    square.override(task_id="square_mapped").partial(factor=1).expand(base=[1, 2])
    too_long()
    broken()
    by_pickle({1, 2})
    by_json({1, 2})


@task.indexed_job(pods=3, **IN_A_POD)
def square(base: "NotThere", factor: int, index, pods):  # noqa: F821  annotations are not looked at in the pod
    """Say where it runs and return a number."""
    # A comment, and braces that are no template: {{ factor }}
    print(f"{index} of {pods}: {{{{ factor }}}}")
    return (base + index) ** 2 * factor


@task.jobset(pods=2, **IN_A_POD)
def meet(values, coordinator, index):
    """Return who is met where, from one of two."""
    return {"values": values, "leader": coordinator.split(".")[0][-4:]} if index == 1 else None


@task.indexed_job(keep="never", **IN_A_POD)
def too_long():
    """Return more than a pod can say."""
    return "x" * 4095


@task.indexed_job(keep="never", **IN_A_POD)
def broken():
    """Fail as programs do."""
    raise KeyError("no such row")


@task.indexed_job(serializer="pickle", **IN_A_POD)
def by_pickle(values):
    """Take what JSON cannot say."""
    return sorted(values)


@task.indexed_job(retries=1, **IN_A_POD)
def by_json(values):
    """Never run: JSON has no sets."""
    return values
