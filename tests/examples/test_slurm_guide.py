"""examples/slurm-guide: the program looks around, with and without a GPU."""

import socket

PROGRAM = "slurm-guide/show.py"


def test_pod_without_a_gpu_says_so(launch, tmp_path):
    code, lines, err = launch(PROGRAM, PATH=str(tmp_path)).end()

    assert (0, "") == (code, err)
    assert (f"host name: {socket.gethostname()}", "gpus: no GPU visible") == (lines[0], lines[-1])


def test_gpus_are_listed_as_the_driver_names_them(launch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text('#!/bin/sh\necho "GPU 0: a card ($1)"\n')
    tool.chmod(0o755)

    assert "gpus: GPU 0: a card (-L)" == launch(PROGRAM, PATH=str(tmp_path)).end()[1][-1]
