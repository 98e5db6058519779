"""A leader and its workers. The first run of the leader fails: Kubernetes restarts the node, Argo need not retry it.

`python examples/hera/leader_workflow.py | kubectl create -f -`
"""

from hera.workflows import DAG, RetryStrategy, Workflow

from dagset_hera import JobSetTask

WORK = """
import os, sys
role, attempt = os.environ["DAGSET_ROLE"], int(os.environ["DAGSET_ATTEMPT"])
print(role, os.environ["DAGSET_INDEX"], "run", attempt, flush=True)
sys.exit("no licence yet" if role == "leader" and attempt == 0 else 0)
"""
PROGRAM = {"image": "python:3.11-slim", "command": ["sh", "-c", 'python3 "$DAGSET_FILES/work.py"']}

with Workflow(
    generate_name="leader-",
    entrypoint="main",
    service_account_name="dagset",
    arguments={"dagset": "ghcr.io/acme/dagset:1"},
) as workflow:
    work = JobSetTask(
        name="work",
        image="{{workflow.parameters.dagset}}",
        node={
            "coupling": "gang",
            "success": {"roles": ["leader"]},
            "restarts": 2,
            "deadline": "10m",
            "files": {"work.py": {"text": WORK}},
            "roles": [{"name": "leader", **PROGRAM}, {"name": "worker", "pods": 2, **PROGRAM}],
        },
        retry_strategy=RetryStrategy(limit=1),
    )
    with DAG(name="main"):
        work(name="work")

if __name__ == "__main__":
    print(workflow.to_yaml())
