"""The images of Argo's executor and of dagset itself, imported into a cluster that is up."""

import importlib.util
import io
import marshal
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.realcluster import images
from tests.realcluster.place import CannotRun, Place

EXECUTOR, DAGSET = "localhost/argoexec:1", "localhost/dagset:1"

_PACKAGES = ("dagset", "click", "msgspec", "urllib3", "yaml")  # what `dagset supervise` imports
_READ = (".py", ".so", ".yaml", ".json")
_LIBRARY = "opt/dagset"
_COMMAND = f"""\
#!/usr/bin/python3
import sys
sys.path.insert(0, "/{_LIBRARY}")
from dagset.cli.main import main
main()
"""


def load(place: Place, *, programs: Path, argo: Path) -> None:
    """Have the cluster's containerd know both, dagset as it is in this checkout."""
    archive = place.state / "argo-images.tar"
    described = {
        EXECUTOR: ([_executor_layer(argo)], {"Entrypoint": ["argoexec"], "Env": ["PATH=/bin"]}),
        DAGSET: ([*images.python_layers(), _dagset_layer()], _environment(PYTHONDONTWRITEBYTECODE="1")),
    }
    images.write(archive, described)
    ctr = [str(programs / "bin/ctr"), "-a", str(place.state / "containerd.sock"), "-n", "k8s.io"]
    subprocess.run([*ctr, "images", "import", str(archive)], check=True, capture_output=True, timeout=120)
    archive.unlink()


def _environment(**variables: str) -> Mapping[str, list[str]]:
    named = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **variables}
    return {"Env": [f"{name}={value}" for name, value in named.items()]}


def _executor_layer(argo: Path) -> bytes:
    """Argo's executor alone: it needs a folder for its files and nothing else (tried, 4.0.2)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        images.add(tar, "tmp", kind=tarfile.DIRTYPE, mode=0o1777)
        images.add(tar, "etc/nsswitch.conf", data=b"hosts: files dns\n")
        images.add(tar, "bin/argoexec", data=(argo / "bin/argoexec").read_bytes(), mode=0o755)
    return out.getvalue()


def _dagset_layer() -> bytes:
    """dagset's core and the packages it needs, as installed for these tests."""
    if not (version := _image_python()).startswith(f"{sys.version_info.major}.{sys.version_info.minor}."):
        raise CannotRun(f"the image's Python is {version}, and these packages are for {sys.version.split()[0]}")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        found = list(_files())
        for package, path in found:
            images.add(tar, f"{_LIBRARY}/{path.relative_to(package.parent)}", data=path.read_bytes())
            if path.suffix == ".py":
                cached = Path(_LIBRARY, path.relative_to(package.parent))
                images.add(tar, importlib.util.cache_from_source(str(cached)), data=_compiled(path, as_of=f"/{cached}"))
        for path in images.shared_libraries(path for _, path in found if path.suffix == ".so"):
            images.add(tar, str(path).lstrip("/"), data=path.read_bytes(), mode=0o755)
        images.add(tar, "usr/local/bin/dagset", data=_COMMAND.encode(), mode=0o755)
    return out.getvalue()


def _compiled(path: Path, *, as_of: str) -> bytes:
    """Bytecode that is believed without a look at the source: each pod would compile it anew."""
    code = compile(path.read_bytes(), as_of, "exec", dont_inherit=True)
    return importlib.util.MAGIC_NUMBER + (0b01).to_bytes(4, "little") + bytes(8) + marshal.dumps(code)


def _image_python() -> str:
    asked = ["/usr/bin/python3", "-I", "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(asked, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def _files() -> Iterator[tuple[Path, Path]]:
    """Each package's folder, and each file of it that is imported or read."""
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise CannotRun(f"the package {name} is not installed for {sys.executable}: run `make setup`")
        package = Path(os.path.realpath(spec.origin)).parent
        yield from ((package, path) for path in sorted(package.rglob("*")) if path.suffix in _READ)
