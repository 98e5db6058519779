"""The kubeconfig of the local cluster."""

from base64 import b64encode

__all__ = ["kubeconfig_text"]


def kubeconfig_text(*, port: int, token: str, ca: bytes) -> str:
    """Give a kubeconfig with one context, `dagset-local`: address, CA and token inside."""
    return f"""\
apiVersion: v1
kind: Config
clusters:
- name: dagset-local
  cluster:
    server: https://127.0.0.1:{port}
    certificate-authority-data: {b64encode(ca).decode()}
users:
- name: dagset-local
  user:
    token: {token}
contexts:
- name: dagset-local
  context:
    cluster: dagset-local
    user: dagset-local
    namespace: default
current-context: dagset-local
"""
