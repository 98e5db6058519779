"""What pods wrote to their termination message, as results by role and index."""

from dagset.observe import Change, observe, relisted, results_left_out, results_of
from tests.core.observe.building import array, child, fold, jobset, pod

FULL = "x" * 4096


def test_what_a_pod_that_succeeded_wrote_is_the_result_of_its_index():
    pods = [pod(index=index, failures=0, code=0, says=f"{index * index}\n") for index in (3, 0, 2)]

    assert {"worker": ["0\n", None, "4\n", "9\n"]} == results_of(fold("Job", array(), *pods))


def test_what_a_pod_that_failed_says_is_no_result_and_neither_is_silence():
    pods = [pod(index=0, failures=0, code=3, says="Traceback"), pod(index=1, failures=0), pod(failures=0, code=0)]

    assert {} == results_of(fold("Job", array(), *pods))


def test_the_run_of_an_index_that_succeeded_counts_after_those_that_failed():
    runs = [pod(failures=0, code=3, says="no"), pod(failures=1, code=0, says="yes"), pod(failures=0, code=3, says="no")]

    assert {"worker": ["yes", None, None, None]} == results_of(fold("Job", array(), *runs))


def test_of_a_gang_only_the_last_attempt_counts():
    first = [pod("leader", 0, code=0, says="old"), pod("worker", 1, code=0, says="old")]
    second = [pod("worker", 0, attempt=1, code=0, says="new")]
    seen = fold("JobSet", jobset(restarts=1), child("worker", attempt=1), *first, *second)

    assert {"worker": ["new", None]} == results_of(seen)


def test_a_result_stays_when_its_pod_is_gone():
    seen = fold("Job", array(), pod(index=1, failures=0, code=0, says="7"))
    seen = observe(seen, Change("Pod", "DELETED", pod(index=1, failures=0, code=0, says="7")))

    assert {"worker": [None, "7", None, None]} == results_of(relisted(seen, "Pod", []))


def test_no_more_than_4_mib_are_kept_and_what_was_left_out_is_counted():
    pods = (pod(index=index, failures=0, code=0, says=FULL) for index in range(1026))
    seen = fold("Job", array(pods=1026), *pods)

    assert ({"worker": [FULL] * 1024 + [None] * 2}, 2) == (results_of(seen), results_left_out(seen))


def test_what_was_left_out_is_counted_once_and_a_result_told_again_takes_no_more_room():
    pods = [pod(index=index, failures=0, code=0, says=FULL) for index in range(1025)]
    once, again = fold("Job", array(pods=1025), *pods), fold("Job", array(pods=1025), *pods, *pods)

    assert (once.results, 1) == (again.results, results_left_out(again))
