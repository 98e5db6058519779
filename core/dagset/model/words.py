"""The types of the model's words: meaning, bounds and an example, each said once.

The descriptions become the JSON schema and the docs; the examples stand in every refusal.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta

__all__ = [
    "Args", "Coupling", "Cpu", "Deadline", "Env", "FailExitCodes", "GpuKind", "Gpus", "GracePeriod", "Image", "Keep",
    "Files", "Memory", "NodeName", "Parallelism", "Pods", "Restarts", "RoleName", "SuccessWhen", "Ttl", "Command",
]  # fmt: skip

INT32_MAX = 2**31 - 1
# A DNS-1035 label: what a JobSet's and a Job's name must be, since a Service and host names are made of it
# (kubernetes-sigs/jobset: pkg/webhooks/jobset_webhook.go).
LABEL = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"


def says(description: str, example: object, **bounds: Any) -> Meta:
    """Return the Meta of one word; `example` is a value that would be accepted."""
    return Meta(description=description, extra_json_schema={"examples": [example]}, **bounds)


NodeName = Annotated[str, says("the node's name; object names start with it", "train", pattern=LABEL, max_length=63)]
RoleName = Annotated[str, says("a group of identical pods", "worker", pattern=LABEL, max_length=30)]
Pods = Annotated[int, says("how many pods the role has", 4, ge=1, le=INT32_MAX)]
Image = Annotated[str, says("the container image; the local cluster ignores it", "python:3.11-slim")]
Command = Annotated[tuple[str, ...], says("the program; Kubernetes expands $(VAR)", ["python3", "train.py"])]
Args = Annotated[tuple[str, ...], says("its arguments, appended to command", ["--epochs", "10"])]
Env = Annotated[dict[str, str], says("variables, text only; later ones may use $(EARLIER)", {"LR": "0.1"})]
Cpu = Annotated[int | float | str | None, says("cpus a pod asks for (a request, no limit)", 4)]
Memory = Annotated[str | None, says("memory of a pod: request and limit", "16Gi")]
Gpus = Annotated[int, says("accelerators of a pod", 1, ge=0, le=INT32_MAX)]
GpuKind = Annotated[str, says("the resource name of the accelerator", "nvidia.com/gpu", min_length=1)]
GracePeriod = Annotated[str, says("time between SIGTERM and SIGKILL when a pod is stopped", "30s")]
Coupling = Annotated[
    Literal["gang", "array"] | None,
    says("gang: the pods need each other, one failing ends all; array: indexes are independent", "gang"),
]
AtOnce = Annotated[int, Meta(ge=1, le=100_000)]
Parallelism = Annotated[AtOnce | None, says("array: how many indexes run at once (default all)", 8)]
Restarts = Annotated[int, says("runs after application failures: of the gang, or of each index", 2, ge=0, le=INT32_MAX)]
ExitCode = Annotated[int, Meta(ge=1, le=255)]
FailExitCodes = Annotated[tuple[ExitCode, ...], says("exit codes that are not restarted", [134, 139], max_length=255)]
Deadline = Annotated[str | None, says("the longest an attempt may run; queued time does not count", "2h")]
Ttl = Annotated[str, says("how long after its end the cluster keeps the node (at least 10m)", "1d")]
SuccessWhen = says('all, any, {roles: [...]}, or {indexes: "0", count: 1} for one role', "all")
Files = says("small files, mounted read-only at $DAGSET_FILES", {"train.py": {"path": "train.py"}})
Keep = Annotated[Literal["never", "failed", "always"] | None, says("what stays after its end was read", "failed")]
