"""The judge of the kill rounds, judged: each kind of bad history must be found, and good ones must pass."""

import sys

import checks
from history import History, judge

check = checks.Checks()
A, B, C, D = b"p:0:", b"p:1:", b"p:2:", b"q:0:"


def made(requests, acknowledged):
    history = History()
    for values in requests:
        history.sent(values)
    history.acknowledged.update(acknowledged)
    return history


def expect_fault(history, log, word):
    found = judge(history, log)
    checks.true(any(word in fault for fault in found), f"{word!r} not found in {found}")


@check
def a_good_history_passes():
    history = made([[A], [B, C], [D]], {A: 0, B: 1, C: 2})
    checks.equal(judge(history, [(0, A), (1, B), (2, C)]), [], "without what was not acknowledged")
    checks.equal(judge(history, [(0, A), (1, B), (2, C), (3, D)]), [], "with it")
    checks.equal(judge(made([], {}), []), [], "nothing at all")


@check
def a_lost_record_is_found():
    expect_fault(made([[A], [B]], {A: 0, B: 1}), [(0, A)], "1 acknowledged records lost")


@check
def a_moved_record_is_found():
    expect_fault(made([[A], [D]], {A: 0, D: 1}), [(0, D), (1, A)], "2 acknowledged records lost")


@check
def a_record_replaced_by_another_is_found():
    expect_fault(made([[A], [D]], {A: 0}), [(0, D)], "1 acknowledged records lost")


@check
def a_gap_is_found():
    expect_fault(made([[A], [B]], {A: 0}), [(0, A), (2, B)], "not dense")


@check
def a_repeated_offset_is_found():
    expect_fault(made([[A], [D]], {A: 0}), [(0, A), (0, D)], "not dense")


@check
def a_log_that_does_not_begin_at_zero_is_found():
    expect_fault(made([[A]], {A: 1}), [(1, A)], "not dense")


@check
def a_record_twice_is_found():
    expect_fault(made([[A]], {A: 0}), [(0, A), (1, A)], "twice")


@check
def a_record_that_nobody_sent_is_found():
    expect_fault(made([[A]], {A: 0}), [(0, A), (1, b"z:9:")], "nobody sent")


@check
def a_torn_batch_is_found():
    expect_fault(made([[A, B, C]], {}), [(0, A), (1, B)], "torn")
    expect_fault(made([[A, B], [D]], {}), [(0, A), (1, D), (2, B)], "torn")


@check
def a_producer_out_of_order_is_found():
    expect_fault(made([[A], [B]], {}), [(0, B), (1, A)], "out of order")


@check
def behind_a_removed_front_faults_are_found_too():
    history = made([[A], [B], [C]], {A: 0, B: 1, C: 2})
    checks.equal(judge(history, [(1, B), (2, C)], start=1), [], "A was removed")
    checks.true(any("1 acknowledged records lost" in fault for fault in judge(history, [(1, B)], start=1)), "C is lost")
    checks.true(any("not dense" in fault for fault in judge(history, [(2, C)], start=1)), "B is not there")


if __name__ == "__main__":
    sys.exit(check.run())
