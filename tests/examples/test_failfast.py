"""examples/failfast: a real segmentation fault in a child."""


def test_segmentation_fault_of_the_child_becomes_the_exit_code_139(launch):
    code, lines, err = launch("failfast/crash.py").end()

    assert (139, []) == (code, lines)
    assert ("Fatal Python error: Segmentation fault", "the program died of SIGSEGV") == (
        err.splitlines()[0],
        err.splitlines()[-1],
    )
