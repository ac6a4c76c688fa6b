"""What producers were told, and the judgement of a log against it.

Every value is written once: `<producer>:<sequence>:<padding>`. A producer sends its requests in the order of their
sequences; a request may hold several records.
"""

import threading


class History:
    """What was sent and what was acknowledged, over all lives of the server."""

    def __init__(self):
        self.requests = []      # values of each request, in the order sent
        self.acknowledged = {}  # value -> offset
        self._last = None
        self._lock = threading.Lock()

    def last(self):
        """The record that was acknowledged last, as (value, offset); None before the first."""
        with self._lock:
            return self._last

    def sent(self, values):
        """Before the request leaves."""
        with self._lock:
            self.requests.append(tuple(values))

    def acked(self, values, first):
        """When its answer is here: the records are at `first` and after it."""
        with self._lock:
            for place, value in enumerate(values):
                self.acknowledged[value] = first + place
                self._last = value, first + place


def judge(history, log, start=0):
    """What is wrong with `log`, a list of (offset, value) from offset `start`: one sentence for each kind of fault.

    What was acknowledged below `start` was removed by retention.
    """
    faults = []
    offsets = [offset for offset, _ in log]
    if offsets != list(range(start, start + len(log))):
        place = next(n for n, offset in enumerate(offsets) if offset != start + n)
        faults.append(f"offsets are not dense: {offsets[place]} stands where {start + place} should")
    at = {}
    for offset, value in log:
        if value in at:
            faults.append(f"{value[:40]!r} is in the log twice, at {at[value]} and {offset}")
            break
        at[value] = offset
    lost = [(value, offset) for value, offset in history.acknowledged.items()
            if offset >= start and at.get(value) != offset]
    if lost:
        value, offset = min(lost, key=lambda pair: pair[1])
        where = f"at {at[value]}" if value in at else "nowhere"
        faults.append(f"{len(lost)} acknowledged records lost; {value[:40]!r} was acknowledged at {offset} and is {where}")
    known = set()
    for values in history.requests:
        known.update(values)
    strangers = [value for value in at if value not in known]
    if strangers:
        faults.append(f"{len(strangers)} records that nobody sent; first {strangers[0][:40]!r}")
    faults += _torn(history, at)
    faults += _disordered(log)
    return faults


def _torn(history, at):
    """A request is in the log as a whole, in order, or not at all."""
    for values in history.requests:
        places = [at[value] for value in values if value in at]
        if places and (len(places) < len(values) or places != list(range(places[0], places[0] + len(places)))):
            return [f"a batch is torn: {len(places)} of {len(values)} records of {values[0][:40]!r} at {places[:5]}"]
    return []


def _disordered(log):
    latest = {}
    for offset, value in log:
        producer, sequence = value.split(b":", 2)[:2]
        if int(sequence) <= latest.get(producer, -1):
            return [f"producer {producer.decode()} is out of order at offset {offset}"]
        latest[producer] = int(sequence)
    return []
