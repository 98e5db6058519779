"""From the forms of other systems to a DagNode: Slurm's batch scripts here, Kubernetes' objects in `objects`.

Pure: the caller reads the files.
"""

from dagset.importers.report import Entry, is_lost, table
from dagset.importers.sbatch import Imported, import_sbatch
from dagset.importers.site import Site, site_from

__all__ = ["Entry", "Imported", "Site", "import_sbatch", "is_lost", "site_from", "table"]
