"""The kubelet of the local cluster: pods are process groups on this machine.

    agent        what happens to each pod, told by the store and by the pod host
    podhost      a process of its own that starts, watches and ends the pods' processes, and dies with the daemon
    environment, expansion, volumes, names, podstatus      pure or nearly so

A pod's process has the machine's files, user and network; its own are the working directory, the log, the environment,
an address in 127.0.0.0/8, and, where the system allows namespaces, its host name and the host names of its peers.
Different from a container, and on purpose: SIGTERM goes to the whole process group and ends a process without a handler
(process 1 of a container would ignore it); two pods that bind the same port on 0.0.0.0 collide, so bind the pod's own
name or address; a volume is where `environment` rewrites its mount path to; memory limits, users, security contexts and
init containers are not applied.
"""
