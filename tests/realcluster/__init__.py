"""A real one-node Kubernetes and JobSet control plane on this machine, for tests that want the true controllers.

`python -m tests.realcluster up` gives a cluster within seconds, once its programs are built; `down` leaves no trace.
Everything runs as root in one network, mount and process namespace without a way out; clients on the machine reach
the API server through a relay on 127.0.0.1. Only the standard library is used, so it runs before anything is set up.

DAGSET_CACHE: where the programs are kept, default ~/.cache/dagset (below it: realcluster).
DAGSET_REALCLUSTER_STATE: the directory of one cluster, default realcluster/state in the cache; several may run at once.
"""
