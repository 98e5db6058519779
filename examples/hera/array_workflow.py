"""Two sweeps side by side, each an array of indexes, and a step that is told how both went.

`python examples/hera/array_workflow.py | kubectl create -f -`
"""

from hera.workflows import DAG, Parameter, Workflow

from dagset_hera import JobSetTask

with Workflow(
    generate_name="sweep-",
    entrypoint="main",
    service_account_name="dagset",
    arguments={"dagset": "ghcr.io/acme/dagset:1"},
) as workflow:
    sweep = JobSetTask(
        name="sweep",
        image="{{workflow.parameters.dagset}}",
        node={
            "coupling": "array",
            "pods": 3,
            "restarts": 1,
            "image": "busybox:1",
            "command": ["sh", "-c", "echo rate {{inputs.parameters.rate}}, seed $DAGSET_INDEX"],
        },
        lines="first",
        inputs=[Parameter(name="rate")],
    )
    report = JobSetTask(
        name="report",
        image="{{workflow.parameters.dagset}}",
        node={
            "image": "busybox:1",
            "command": ["sh", "-c", 'echo "$SWEEPS"'],
            "env": {"SWEEPS": "{{inputs.parameters.sweeps}}"},
        },
        inputs=[Parameter(name="sweeps")],
    )
    with DAG(name="main"):
        sweeps = sweep(name="sweep", arguments={"rate": "{{item}}"}, with_items=["0.1", "0.01"])
        sweeps >> report(name="report", arguments={"sweeps": "{{tasks.sweep.outputs.parameters}}"})

if __name__ == "__main__":
    print(workflow.to_yaml())
