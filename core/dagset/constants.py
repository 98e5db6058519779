"""Words that the world outside fixes, each with who writes it. A leaf: imports nothing of ours."""

from collections.abc import Mapping
from typing import Any

# Kinds and their API groups (kubernetes-sigs/jobset: api/jobset/v1alpha2; kubernetes/api: batch/v1, core/v1;
# kubernetes-sigs/kueue: apis/kueue/v1beta2).
API_VERSIONS = {
    "Job": "batch/v1",
    "JobSet": "jobset.x-k8s.io/v1alpha2",
    "Pod": "v1",
    "ConfigMap": "v1",
    "Secret": "v1",
    "Service": "v1",
    "Event": "v1",
    "Namespace": "v1",
    "Node": "v1",
    "PersistentVolumeClaim": "v1",
    # kubernetes-sigs/kueue: apis/kueue/v1beta2 (Kueue 0.15 and newer).
    "LocalQueue": "kueue.x-k8s.io/v1beta2",
    "Workload": "kueue.x-k8s.io/v1beta2",
    "WorkloadPriorityClass": "kueue.x-k8s.io/v1beta2",
    # Three kinds of one name: volcano-sh/apis: pkg/apis/scheduling/v1beta1; kubernetes-sigs/scheduler-plugins:
    # apis/scheduling/v1alpha1; kubernetes/api: scheduling/v1alpha2 (Kubernetes 1.36, behind GenericWorkload).
    "PodGroup.scheduling.volcano.sh": "scheduling.volcano.sh/v1beta1",
    "PodGroup.scheduling.x-k8s.io": "scheduling.x-k8s.io/v1alpha1",
    "PodGroup.scheduling.k8s.io": "scheduling.k8s.io/v1alpha2",
    # A supervisor's step is of one (argoproj/argo-workflows: pkg/apis/workflow/v1alpha1).
    "Workflow": "argoproj.io/v1alpha1",
    # Questions to the API server, which it does not keep.
    "SelfSubjectAccessReview": "authorization.k8s.io/v1",
    "SelfSubjectReview": "authentication.k8s.io/v1",
    # Only stories make these.
    "ClusterQueue": "kueue.x-k8s.io/v1beta2",
    "LimitRange": "v1",
    "PriorityClass": "scheduling.k8s.io/v1",
    "ResourceFlavor": "kueue.x-k8s.io/v1beta2",
    "ResourceQuota": "v1",
    "ServiceAccount": "v1",
    "Topology": "kueue.x-k8s.io/v1beta2",
}
LOCAL_VERSION = "+dagset"  # how the local cluster's version ends (ours)
VOLCANO, COSCHEDULING, NATIVE = (kind for kind in API_VERSIONS if kind.startswith("PodGroup."))


def _plural(kind: str) -> str:
    name = kind.partition(".")[0].lower()
    if name.endswith("gy"):
        return name[:-1] + "ies"
    return name + ("es" if name.endswith("s") else "s")


PLURALS = {kind: _plural(kind) for kind in API_VERSIONS}


def kind_of(manifest: Mapping[str, Any]) -> str:
    """Return the key of `API_VERSIONS` for an object: its kind, with the group where several have that name."""
    kind, group = str(manifest["kind"]), str(manifest.get("apiVersion", "")).partition("/")[0]
    return f"{kind}.{group}" if f"{kind}.{group}" in API_VERSIONS else kind


# Ours: written by compile on the object and on every template. A contract across our own releases: only add.
MANAGED_BY = "app.kubernetes.io/managed-by"
IDENTITY = "dagset.io/identity"
GENERATION = "dagset.io/generation"
OWNER = "dagset.io/owner"
DAG = "dagset.io/dag"
RUN = "dagset.io/run"
TASK = "dagset.io/task"
MAP_INDEX = "dagset.io/index"
ROLE = "dagset.io/role"
SPEC_HASH = "dagset.io/spec-hash"
MAIN_CONTAINER = "main"
# What a follower has to know that the cluster does not enforce, and what a follower says before it ends a node (JSON).
LIMITS = "dagset.io/limits"
END = "dagset.io/end"
TOLD = "dagset.io/told"  # a supervisor has told its engine how the node ended

TOKEN = "dagset.io/token"  # on a Secret: under this key it gets random text when it is created

# Kueue's labels on the owner (kubernetes-sigs/kueue: pkg/controller/constants/constants.go).
KUEUE_QUEUE = "kueue.x-k8s.io/queue-name"
KUEUE_PRIORITY = "kueue.x-k8s.io/priority-class"
KUEUE_MAX_EXEC = "kueue.x-k8s.io/max-exec-time-seconds"
KUEUE_OWNER_UID = "kueue.x-k8s.io/job-uid"  # on the Workload

# Written by the Job controller on pods (kubernetes/api: batch/v1/types.go).
JOB_NAME = "batch.kubernetes.io/job-name"
COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"
INDEX_FAILURE_COUNT = "batch.kubernetes.io/job-index-failure-count"
INDEX_IGNORED_FAILURE_COUNT = "batch.kubernetes.io/job-index-ignored-failure-count"

# Written by the JobSet controller on Jobs and pods (jobset: api/jobset/v1alpha2/jobset_types.go).
JOBSET_NAME = "jobset.sigs.k8s.io/jobset-name"
REPLICATED_JOB_NAME = "jobset.sigs.k8s.io/replicatedjob-name"
RESTART_ATTEMPT = "jobset.sigs.k8s.io/restart-attempt"

# Pod condition of a drain, preemption, eviction or lost host (kubernetes/api: core/v1/types.go).
DISRUPTION_TARGET = "DisruptionTarget"

# Keys of a security context that only a container has; all others are the pod's (kubernetes/api: core/v1/types.go).
OF_CONTAINER = frozenset(
    {"allowPrivilegeEscalation", "capabilities", "privileged", "procMount", "readOnlyRootFilesystem"}
)
