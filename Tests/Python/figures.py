"""Percentiles and tables for the measuring scripts."""

import json
import pathlib
import threading
import time


def percentile(values, share):
    """The smallest value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1))]


def table(rows):
    """Prints (name, figure, unit) rows aligned."""
    width = max(len(name) for name, _, _ in rows)
    for name, figure, unit in rows:
        text = f"{figure:.3f}" if isinstance(figure, float) else f"{figure}"
        print(f"  {name:<{width}}  {text:>12} {unit}")


def save(path, figures):
    if path:
        pathlib.Path(path).write_text(json.dumps(figures, indent=2) + "\n")


class Load:
    """Unary calls at a constant rate; latency counts from when a call was due, not from when it left."""

    def __init__(self, call, per_second):
        self.call, self.interval = call, 1 / per_second
        self.latencies = []
        self.error = None

    def run(self, seconds):
        """Milliseconds of each call."""
        begun = time.perf_counter()
        number = 0
        while (due := begun + number * self.interval) < begun + seconds:
            if (ahead := due - time.perf_counter()) > 0:
                time.sleep(ahead)
            self.call()
            self.latencies.append((time.perf_counter() - due) * 1000)
            number += 1
        return self.latencies


def alongside(loads, seconds):
    """Runs loads at the same time and gives each one's latencies in milliseconds."""
    def run(load):
        try:
            load.run(seconds)
        except Exception as error:
            load.error = error

    threads = [threading.Thread(target=run, args=(load,), daemon=True) for load in loads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 30)
    for load in loads:
        if load.error:
            raise load.error
        if not load.latencies:
            raise AssertionError("a load made no call")
    return [load.latencies for load in loads]
