"""A node for every word of the model, with a value that says something: each engine has to bring it through.

A word that is missing here fails the tests of all engines.
"""

from typing import Any

import msgspec

from dagset.model import DagNode

__all__ = ["BASE", "GANG", "SAMPLES", "WORDS"]

WORDS = [field.name for field in msgspec.structs.fields(DagNode)]
BASE: dict[str, Any] = {"name": "train", "image": "busybox:1", "coupling": "array", "pods": 4}
LEADER = {"name": "leader", "image": "b", "pods": 2}
GANG: dict[str, Any] = {"name": "train", "coupling": "gang", "roles": [{"image": "a"}, LEADER]}
TOLERATION = {"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}
ON_GPUS = {"key": "pool", "operator": "In", "values": ["gpu", "other"]}

# The words beside those of BASE.
SAMPLES: dict[str, dict[str, Any]] = {
    "name": {"name": "other"},
    "roles": GANG | {"roles": [{"image": "a"}, LEADER | {"after": [{"role": "worker", "when": "ready"}]}]},
    "pods": {"pods": 7},
    "image": {"image": "python:3.11-slim"},
    "command": {"command": ["sh", "-c", "echo $(DAGSET_INDEX) '{x}' $HOME"]},
    "args": {"args": ["--epochs", "10", "1e3", "y", ""]},
    "working_dir": {"working_dir": "/work dir"},
    "env": {"env": {"LR": "0.1", "ON": "yes", "Y": "y", "TEXT": "two\nlines: {braces}\n"}},
    "env_from": {"env_from": [{"secret": "wandb", "prefix": "W_", "optional": True}, {"config_map": "defaults"}]},
    "cpu": {"cpu": 0.5},
    "cpu_limit": {"cpu": 1, "cpu_limit": 2},
    "memory": {"memory": "16Gi"},
    "memory_limit": {"memory": "1Gi", "memory_limit": "2Gi"},
    "gpu": {"gpu": 2},
    "gpu_kind": {"gpu": 1, "gpu_kind": "amd.com/gpu"},
    "shm": {"shm": "8Gi"},
    "ephemeral_storage": {"ephemeral_storage": "20Gi"},
    "volumes": {
        "volumes": {
            "data": {"mount_path": "/data", "persistent_volume_claim": "training-data", "read_only": True},
            "host": {"mount_path": "/host", "host_path": "/mnt", "sub_path": "a b"},
            "conf": {"mount_path": "/conf", "config_map": "conf"},
            "keys": {"mount_path": "/keys", "secret": "keys"},
            "tmp": {"mount_path": "/scratch", "empty_dir": "1Gi"},
            "nfs": {"mount_path": "/nfs", "source": {"nfs": {"server": "files", "path": "/x"}}},
        }
    },
    "grace_period": {"grace_period": "1m"},
    "image_pull_policy": {"image_pull_policy": "Always"},
    "image_pull_secrets": {"image_pull_secrets": ["registry-login", "other"]},
    "node_selector": {"node_selector": {"gpu": "a100", "acme.com/fast": "yes"}},
    "tolerations": {"tolerations": [TOLERATION]},
    "affinity": {
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [ON_GPUS]}]
                }
            }
        }
    },
    "priority_class_name": {"priority_class_name": "high-priority"},
    "service_account_name": {"service_account_name": "trainer"},
    "security_context": {"security_context": {"runAsUser": 1000, "readOnlyRootFilesystem": True}},
    "pod_patch": {
        "pod_patch": {
            "metadata": {"annotations": {"acme.com/note": "y"}},
            "spec": {"hostNetwork": True, "containers": [{"name": "main", "stdin": False}]},
        }
    },
    "coupling": {"coupling": "gang"},
    "success": {"success": {"indexes": "0,2-3", "count": 2}},
    "parallelism": {"parallelism": 2},
    "restarts": {"restarts": 3},
    "on_disruption": {"on_disruption": "count"},
    "fail_exit_codes": {"fail_exit_codes": [2, 134]},
    "abort_exit_codes": {"abort_exit_codes": [3, 4]},
    "free_exit_codes": {"free_exit_codes": [75]},
    "max_failed_indexes": {"max_failed_indexes": 1},
    "max_disruptions": {"max_disruptions": 7},
    "deadline": {"deadline": "2h"},
    "start_timeout": {"start_timeout": "5m"},
    "queue_timeout": {"queue_timeout": "1d"},
    "queue_name": {"queue_name": "gpu-small"},
    "queue_priority": {"queue_name": "gpu-small", "queue_priority": "high"},
    "scheduler": {"queue_name": "gpu-small", "scheduler": "yunikorn"},
    "min_parallelism": {"queue_name": "gpu-small", "min_parallelism": 2},
    "required_topology": {"queue_name": "gpu-small", "required_topology": "kubernetes.io/hostname"},
    "preferred_topology": {"queue_name": "gpu-small", "preferred_topology": "acme.com/rack"},
    "resource_claims": {"resource_claims": {"gpu": "one-h100", "nic": "rdma"}},
    "rendezvous": {"coupling": "gang", "rendezvous": "torch"},
    "keep": {"keep": "always"},
    "ttl": {"ttl": "2d"},
    "labels": {"labels": {"team": "vision", "acme.com/cost": "42"}},
    "annotations": {"annotations": {"acme.com/link": "https://acme.com/?a={b}#c", "note": "two\nlines"}},
    "files": {"files": {"a.txt": {"text": "line\n"}}},
    "kind": {"coupling": "gang", "kind": "jobset"},
    "object_patch": {
        "object_patch": {"metadata": {"finalizers": ["acme.com/keep"]}, "spec": {"managedBy": "acme.com/x"}}
    },
}
