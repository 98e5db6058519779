"""Train with a few workers, then with more: each step of the workflow is a leader and its workers.

`python examples/argo/iris_workflow.py | kubectl create -f -`
"""

from hera.workflows import DAG, Parameter, RetryStrategy, Workflow

from dagset_hera import RETRY_EXPRESSION, JobSetResource

PROGRAM = {"image": "{{workflow.parameters.image}}", "command": ["python3", "-u", "train.py"]}
PATIENCE = {"PATIENCE_S": "{{inputs.parameters.patience-s}}"}
TRAIN = {
    "coupling": "gang",
    "success": {"roles": ["leader"]},
    "deadline": "1h",
    "roles": [
        {"name": "leader", **PROGRAM},
        {"name": "worker", "pods": "{{inputs.parameters.workers}}", "env": PATIENCE, **PROGRAM},
    ],
}

with Workflow(
    generate_name="iris-",
    entrypoint="main",
    service_account_name="dagset",
    arguments={"image": "ghcr.io/acme/iris:1"},
) as workflow:
    train = JobSetResource(
        name="train",
        node=TRAIN,
        inputs=[Parameter(name="workers"), Parameter(name="patience-s", default="60")],
        retry_strategy=RetryStrategy(limit=2, expression=RETRY_EXPRESSION),
    )
    with DAG(name="main"):
        small = train(name="small", arguments={"workers": 3})
        large = train(name="large", arguments={"workers": "{{item}}", "patience-s": 120}, with_items=[5, 7])
        small >> large

if __name__ == "__main__":
    print(workflow.to_yaml())
