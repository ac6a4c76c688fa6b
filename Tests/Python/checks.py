"""Named checks that print one line each: `ok <name>` or `FAIL <name>: <why>`.

Whoever runs a script compares the names with a list of its own, so a script that stops early fails.
"""

import sys
import threading
import time
import traceback


class Checks:
    """Runs functions in the order in which they were declared."""

    def __init__(self):
        self._functions = []
        self.failed = []

    def __call__(self, function):
        self._functions.append(function)
        return function

    def run(self, *arguments, only=(), renew=None):
        """Runs every check with the same arguments and returns the exit code.

        What a failed check leaves behind is no ground for another: `renew(*arguments)`, where there is one, gives those of
        the checks that follow.
        """
        for function in self._functions:
            name = function.__name__
            if only and name not in only:
                continue
            begun = time.monotonic()
            try:
                function(*arguments)
            except Exception as error:  # a failed check must not hide the ones after it
                self.failed.append(name)
                print(f"FAIL {name}: {type(error).__name__}: {first_line(error)}", flush=True)
                traceback.print_exc()
                if renew:
                    arguments = renew(*arguments)
            else:
                print(f"ok {name}", flush=True)
            took = time.monotonic() - begun
            if took > 1:
                print(f"  {name} took {took:.1f} s", file=sys.stderr, flush=True)
        return 1 if self.failed else 0


def first_line(error):
    return str(error).strip().replace("\n", " | ")[:600]


def equal(found, expected, what="value"):
    if found != expected:
        raise AssertionError(f"{what} is {found!r}, not {expected!r}")


def true(holds, what):
    if not holds:
        raise AssertionError(what)


def within(seconds, holds, what):
    """Waits until `holds()` gives something true, and gives it."""
    end = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.005)


def give_up_after(seconds):
    """Ends this process when it takes longer: no wait of a test may be without a bound."""
    def end():
        print(f"FAIL gave up after {seconds} s", flush=True)
        for thread, frame in sys._current_frames().items():
            print(f"thread {thread}", file=sys.stderr)
            traceback.print_stack(frame, file=sys.stderr)
        sys.stderr.flush()
        import os
        os._exit(3)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
