"""The kubelet of the local cluster: pods are process groups on this machine.

    agent        what happens to each pod, told by the store and by the pod host
    podlife      end, being stopped, being lost; podstart: its start; podruns, podrecord: what is remembered and written
    podhost      a process of its own that starts, watches and ends the pods' processes, and dies with the daemon
    sandbox, mounting      from a fork to a pod's program, in the child
    containers, podstatus, scheduling, imagename, environment, expansion, volumes, names, events   pure or nearly so

A container's process has the machine's files, user and network; its own are the working directory, the log, the
environment, and those of its pod: an address in 127.0.0.0/8 and, where the system allows namespaces, its host name, the
host names of its peers, and its volumes at their mount paths. Different from a container, and on purpose:

- `image:` is not looked at beyond its name, nor are imagePullPolicy, imagePullSecrets: a process needs a command.
- SIGTERM goes to the whole process group and ends a process without a handler (process 1 would ignore it).
- Two pods that bind the same port on 0.0.0.0 collide, so bind the pod's own name or address.
- The memory limit is held by looking five times a second; limits of cpu and ephemeral storage are not held.
- Users, security contexts, probes and lifecycle hooks are not applied; a pod's restartPolicy is
  Never, but a sidecar (an init container with restartPolicy Always) is started again.
- A volume in memory is each container's own.
- Without namespaces, volumes are where `environment` rewrites their mount paths to.
"""
