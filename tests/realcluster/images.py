"""The images the cluster knows, made of this machine's own programs: there is no registry and no way to one.

How a pod's `image: busybox:1` finds an image that never was in a registry (tried on containerd 2.2):
the kubelet hands the name to containerd, which completes a short name with its default registry and `library/` before
it looks among the images it has; only if it has none does it go out. So the image must be stored under the completed
name. An OCI archive's annotation `io.containerd.image.name` is taken as it stands, so there it would have to be written
out. A docker-format archive's `RepoTags` go through the same completion on import (containerd:
core/images/archive/reference.go, normalizeReference), so `busybox:1` there is `busybox:1` in a pod. The tag must not be
`latest`, or the default pull policy would be Always.
"""

import hashlib
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.realcluster.place import cache_dir

BUSYBOX, PYTHON = "busybox:1", "python:3.11-slim"
PAUSE = "localhost/pause:1"  # keeps a pod's namespaces; only containerd's configuration names it

_BUSYBOX_PROGRAM, _PYTHON_PROGRAM = Path("/bin/busybox"), Path("/usr/bin/python3")
_SHELLS = (Path("/bin/bash"), Path("/bin/tcsh"))  # what batch scripts begin with; in the image beside Python
_PYTHON_PATH = "/usr/local/bin:/usr/bin:/bin"
_WEIGHT = {"test", "idlelib", "tkinter", "lib2to3", "ensurepip", "turtledemo", "__pycache__", "config-*"}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_USERS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/tmp:/bin/sh\n"
_GROUPS = "root:x:0:\nnogroup:x:65534:\n"


def archive() -> Path:
    """A docker-format archive with all images, in the cache; made anew when this file or a program changes."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for program in (_BUSYBOX_PROGRAM, _PYTHON_PROGRAM, *_SHELLS):
        digest.update(program.read_bytes())
    path = cache_dir() / f"images-{digest.hexdigest()[:12]}.tar"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        base, python = python_layers()
        write(
            path,
            {
                BUSYBOX: ([base], {"Cmd": ["sh"], "Env": ["PATH=/bin"]}),
                PAUSE: ([base], {"Entrypoint": ["/bin/sleep", "infinity"], "Env": ["PATH=/bin"]}),
                PYTHON: ([base, python], {"Cmd": ["python3"], "Env": [f"PATH={_PYTHON_PATH}", "LANG=C.UTF-8"]}),
            },
        )
    return path


def python_layers() -> list[bytes]:
    """The layers of an image with a shell and Python."""
    return [_base_layer(), _python_layer()]


def write(path: Path, images: Mapping[str, tuple[list[bytes], Mapping]]) -> None:
    """A docker-format archive of these images, by name: their layers and their configuration."""
    unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
    _write(unfinished, images)
    unfinished.rename(path)


def _write(path: Path, images: Mapping[str, tuple[list[bytes], Mapping]]) -> None:
    files: dict[str, bytes] = {}
    manifest = [_image(name, layers=layers, config=config, files=files) for name, (layers, config) in images.items()]
    files["manifest.json"] = json.dumps(manifest).encode()
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            add(tar, name, data=data)


def _image(name: str, *, layers: Iterable[bytes], config: Mapping, files: dict[str, bytes]) -> dict:
    """The image's entry for manifest.json; puts its layers and configuration into `files`, each layer once."""
    digests = [hashlib.sha256(layer).hexdigest() for layer in layers]
    files.update({f"{digest}.tar": layer for digest, layer in zip(digests, layers, strict=True)})
    described = json.dumps(
        {
            "architecture": _ARCHITECTURES.get(os.uname().machine, os.uname().machine),
            "os": "linux",
            "config": dict(config),
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(described).hexdigest()}.json"
    files[config_name] = described
    return {"Config": config_name, "RepoTags": [name], "Layers": [f"{digest}.tar" for digest in digests]}


def _base_layer() -> bytes:
    """Static busybox with a link for each of its commands, and the few files programs look for."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, mode in [("bin", 0o755), ("etc", 0o755), ("home", 0o755), ("root", 0o700), ("tmp", 0o1777)]:
            add(tar, name, kind=tarfile.DIRTYPE, mode=mode)
        add(tar, "bin/busybox", data=_BUSYBOX_PROGRAM.read_bytes(), mode=0o755)
        for command in _output([str(_BUSYBOX_PROGRAM), "--list"]).split():
            if command != "busybox":
                add(tar, f"bin/{command}", kind=tarfile.SYMTYPE, link="busybox")
        add(tar, "etc/passwd", data=_USERS.encode())
        add(tar, "etc/group", data=_GROUPS.encode())
    return out.getvalue()


def _python_layer() -> bytes:
    """Debian's Python with its standard library, the shells, and the shared libraries all need, at their own paths."""
    asked = "import sysconfig; print(sysconfig.get_python_version(), sysconfig.get_path('stdlib'))"
    version, library = _output([str(_PYTHON_PROGRAM), "-I", "-c", asked]).split()
    program = _PYTHON_PROGRAM.resolve()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        extensions = sorted(Path(library, "lib-dynload").glob("*.so"))
        programs = [program, *_SHELLS]
        for path in [*programs, *shared_libraries([*programs, *extensions]), *_library_files(Path(library))]:
            add(tar, str(path).lstrip("/"), data=path.read_bytes(), mode=path.stat().st_mode & 0o777)
        for link in [
            "bin/python3",
            "bin/python",
            f"local/bin/python{version}",
            "local/bin/python3",
            "local/bin/python",
        ]:
            add(tar, f"usr/{link}", kind=tarfile.SYMTYPE, link=str(program))
        add(tar, "usr/bin/env", kind=tarfile.SYMTYPE, link="/bin/busybox")
    return out.getvalue()


def _library_files(library: Path) -> list[Path]:
    """Files of the standard library, without what no pod imports and without links to configuration in /etc."""
    weight = {path for pattern in _WEIGHT for path in library.rglob(pattern)}
    files = (path for path in library.rglob("*") if path.is_file() and not weight.intersection(path.parents))
    return sorted(path for path in files if path.resolve().is_relative_to(library))


def shared_libraries(programs: Iterable[Path]) -> list[Path]:
    """What `ldd` finds for these, at the paths the loader asks for, and what Python loads only when it needs it."""
    words = [line.split() for line in _output(["ldd", *map(str, programs)]).splitlines()]
    found = {Path(word) for line in words if len(line) > 1 for word in line if word.startswith("/") and word[-1] != ":"}
    at_need = {path for directory in {path.parent for path in found} for path in directory.glob("libgcc_s.so.1")}
    return sorted(found | at_need)


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def add(
    tar: tarfile.TarFile,
    name: str,
    *,
    kind: bytes = tarfile.REGTYPE,
    mode: int = 0o644,
    data: bytes = b"",
    link: str = "",
) -> None:
    """Put one file, folder or link into a layer."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.size, entry.linkname = kind, mode, len(data), link
    tar.addfile(entry, io.BytesIO(data))
