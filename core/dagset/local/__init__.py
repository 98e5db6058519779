"""The embedded cluster: a Kubernetes-speaking API server, Job and JobSet controllers, and pods that are processes."""
