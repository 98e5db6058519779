"""Is all there that a node needs: on this machine, in the cluster, of rights? Each question gives a `Checked`.

Nothing is created anywhere; what a cluster would say to nodes is asked by dry runs.
"""

from dagset.run.doctor.checked import Checked
from dagset.run.doctor.cluster import check_cluster
from dagset.run.doctor.local import check_local
from dagset.run.doctor.machine import check_machine

__all__ = ["Checked", "check_cluster", "check_local", "check_machine"]
