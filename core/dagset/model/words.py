"""The types of the model's words: meaning, bounds and an example, each said once.

The descriptions become the JSON schema and the docs; the examples stand in every refusal.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta

__all__ = [
    "Args", "Coupling", "Cpu", "Deadline", "Env", "FailExitCodes", "GpuKind", "Gpus", "GracePeriod", "Image", "Keep",
    "Files", "Memory", "NodeName", "Parallelism", "Pods", "Restarts", "RoleName", "SuccessWhen", "Ttl", "Command",
    "CpuLimit", "MemoryLimit", "Shm", "EphemeralStorage", "Volumes", "EnvFrom", "WorkingDir", "ImagePullPolicy",
    "ImagePullSecrets", "NodeSelector", "Tolerations", "Affinity", "PriorityClassName", "ServiceAccountName",
    "SecurityContext", "PodPatch", "After", "Labels", "Annotations", "OnDisruption", "AbortExitCodes", "FreeExitCodes",
    "MaxFailedIndexes", "MaxDisruptions", "StartTimeout", "QueueTimeout", "QueueName", "Scheduler", "QueuePriority",
    "Rendezvous", "Kind", "ObjectPatch", "RequiredTopology", "PreferredTopology", "ResourceClaims", "MinParallelism",
]  # fmt: skip

INT32_MAX = 2**31 - 1
# A DNS-1035 label: what a JobSet's and a Job's name must be, since a Service and host names are made of it
# (kubernetes-sigs/jobset: pkg/webhooks/jobset_webhook.go).
LABEL = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
# A DNS-1123 subdomain: the name of most objects (kubernetes/apimachinery: pkg/util/validation/validation.go).
SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"


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
ObjectName = Annotated[str, Meta(pattern=SUBDOMAIN, max_length=253)]
Raw = dict[str, Any]  # Kubernetes' own words, camelCase: checked by the API server (`dagset check`)
CpuLimit = Annotated[int | float | str | None, says("cpus a pod may use at most (none: what the host has)", 8)]
MemoryLimit = Annotated[str | None, says("memory at which a pod is killed, where it is not `memory`", "32Gi")]
Shm = Annotated[str | None, says("size of /dev/shm, which counts as memory", "8Gi")]
EphemeralStorage = Annotated[str | None, says("space of a pod on its host's disk: request and limit", "20Gi")]
Volumes = says(
    "by name: mount_path and one source (persistent_volume_claim, host_path, config_map, secret, empty_dir, source)",
    {"data": {"mount_path": "/data", "persistent_volume_claim": "training-data"}},
)
EnvFrom = says("all keys of a secret or config_map as variables", [{"secret": "wandb"}])
WorkingDir = Annotated[str, says("where the program starts; the image's own by default", "/work")]
ImagePullPolicy = Annotated[Literal["Always", "IfNotPresent", "Never"] | None, says("when to pull", "IfNotPresent")]
ImagePullSecrets = Annotated[tuple[ObjectName, ...], says("secrets for a private registry", ["registry-login"])]
NodeSelector = Annotated[dict[str, str], says("labels a host must have", {"gpu": "a100"})]
Tolerations = Annotated[tuple[Raw, ...], says("taints of hosts to put up with", [{"key": "gpu", "operator": "Exists"}])]
Affinity = Annotated[Raw, says("Kubernetes' affinity, as is", {"podAntiAffinity": {}})]
PriorityClassName = Annotated[ObjectName | None, says("Kubernetes' priority of the pods", "high-priority")]
ServiceAccountName = Annotated[ObjectName | None, says("who the pods are to the API server", "trainer")]
SecurityContext = Annotated[
    Raw, says("of pod and container, each key where it belongs", {"runAsUser": 1000, "fsGroup": 1000})
]
PodPatch = Annotated[Raw, says("merged last into the pod template, lists by name", {"spec": {"hostNetwork": True}})]
After = says("start when another role is ready or complete", [{"role": "prepare", "when": "complete"}])
Labels = Annotated[dict[str, str], says("labels of the object and of every pod", {"team": "vision"})]
Annotations = Annotated[dict[str, str], says("annotations of the object and of every pod", {"cost/center": "42"})]
Coupling = Annotated[
    Literal["gang", "array"] | None,
    says("gang: the pods need each other, one failing ends all; array: indexes are independent", "gang"),
]
AtOnce = Annotated[int, Meta(ge=1, le=100_000)]
Parallelism = Annotated[AtOnce | None, says("array: how many indexes run at once (default all)", 8)]
Restarts = Annotated[int, says("runs after application failures: of the gang, or of each index", 2, ge=0, le=INT32_MAX)]
ExitCode = Annotated[int, Meta(ge=1, le=255)]
FailExitCodes = Annotated[tuple[ExitCode, ...], says("exit codes that are not restarted", [134, 139], max_length=255)]
ExitCodes = tuple[ExitCode, ...]
AbortExitCodes = Annotated[ExitCodes, says("array: exit codes that fail the whole node at once", [3], max_length=255)]
FreeExitCodes = Annotated[ExitCodes, says("exit codes that restart without counting", [75], max_length=255)]
OnDisruption = Annotated[
    Literal["restart", "count", "fail"],
    says("drain, preemption, eviction, host lost: restart for free, count as a failure, or fail", "restart"),
]
MaxFailedIndexes = Annotated[
    Annotated[int, Meta(ge=0, le=INT32_MAX)] | None, says("array: stop early when more indexes than this failed", 10)
]
MaxDisruptions = Annotated[int, says("free restarts that a follower allows", 20, ge=0, le=INT32_MAX)]
StartTimeout = Annotated[str | None, says("how long pods may be unable to start, before a follower ends it", "15m")]
QueueTimeout = Annotated[str | None, says("how long it may wait in the queue, before a follower ends it", "1d")]
QueueName = Annotated[ObjectName | None, says("the queue that admits the node (Kueue: a LocalQueue)", "gpu-small")]
Scheduler = Annotated[
    Literal["kueue", "volcano", "yunikorn", "kai", "coscheduling", "slurm-bridge", "native"] | None,
    says("who queues the node and starts a gang as one (with a queue: kueue)", "volcano"),
]
RequiredTopology = Annotated[
    str | None, says("Kueue: label of hosts that a role's pods must share", "cloud.google.com/gce-topology-block")
]
PreferredTopology = Annotated[
    str | None, says("Kueue: the same where there is room", "cloud.google.com/gce-topology-block")
]
ResourceClaims = Annotated[
    dict[str, ObjectName], says("devices of a pod: a name, and its ResourceClaimTemplate", {"gpu": "one-h100"})
]
MinParallelism = Annotated[AtOnce | None, says("array: Kueue may admit it with so few indexes at once", 10)]
QueuePriority = Annotated[ObjectName | None, says("priority in the queue (Kueue: a WorkloadPriorityClass)", "high")]
Rendezvous = Annotated[
    Literal["none", "torch", "mpi", "jax", "dask", "xgboost", "tensorflow"],
    says("gang: sets the variables by which the framework's processes meet", "torch"),
]
Kind = Annotated[Literal["job", "jobset"] | None, says("the object to make, where there is a choice", "jobset")]
ObjectPatch = Annotated[Raw, says("merged last into the object, lists by name", {"spec": {"managedBy": "acme.com/x"}})]
Deadline = Annotated[str | None, says("the longest an attempt may run; queued time does not count", "2h")]
Ttl = Annotated[str, says("how long after its end the cluster keeps the node (at least 10m)", "1d")]
SuccessWhen = says('all, any, {roles: [...]}, or {indexes: "0", count: 1} for one role', "all")
Files = says("small files, mounted read-only at $DAGSET_FILES", {"train.py": {"path": "train.py"}})
Keep = Annotated[Literal["never", "failed", "always"] | None, says("what stays after its end was read", "failed")]
