"""Four pods that need each other add up their numbers, on Argo's own executor: no image of ours is needed.

`python examples/hera/gang_workflow.py | kubectl create -f -`
"""

from hera.workflows import DAG, Parameter, Workflow

from dagset_hera import JobSetResource, cleanup

SUM = """
import os, socket, time
me, pods, where = int(os.environ["DAGSET_INDEX"]), int(os.environ["DAGSET_PODS"]), os.environ["DAGSET_COORDINATOR"]
if me == 0:
    with socket.create_server(("", 7000)) as server:
        total = sum(int(server.accept()[0].recv(16)) for _ in range(pods - 1))
    print("sum of", pods, "pods:", total, flush=True)
else:
    for _ in range(60):
        try:
            with socket.create_connection((where, 7000), timeout=5) as leader:
                leader.send(b"%d" % me)
            break
        except OSError:
            time.sleep(1)
    else:
        raise SystemExit("no leader")
"""

with Workflow(generate_name="gang-", entrypoint="main", service_account_name="dagset", on_exit="cleanup") as workflow:
    cleanup()
    add_up = JobSetResource(
        name="add-up",
        node={
            "coupling": "gang",
            "pods": "{{inputs.parameters.pods}}",
            "image": "python:3.11-slim",
            "command": ["python3", "-c", SUM],
            "deadline": "10m",
        },
        inputs=[Parameter(name="pods")],
    )
    with DAG(name="main"):
        add_up(name="add-up", arguments={"pods": 3})

if __name__ == "__main__":
    print(workflow.to_yaml())
