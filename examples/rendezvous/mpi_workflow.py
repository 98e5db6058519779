"""mpirun over three pods as a step of an Argo workflow; the launcher needs neither ssh nor an operator.

`python examples/rendezvous/mpi_workflow.py | kubectl create -f -`
"""

from pathlib import Path

from hera.workflows import DAG, Workflow

from dagset_hera import JobSetTask

with Workflow(
    generate_name="mpi-",
    entrypoint="main",
    service_account_name="dagset",
    arguments={"dagset": "ghcr.io/acme/dagset:1"},
) as workflow:
    solve = JobSetTask(name="solve", image="{{workflow.parameters.dagset}}", node=Path(__file__).with_name("mpi.yaml"))
    with DAG(name="main"):
        solve(name="solve")

if __name__ == "__main__":
    print(workflow.to_yaml())
