"""W4: breaches of HTTP/2, each on a connection of its own, and the code that RFC 9113 has for each.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: w4_protocol.py [--strict] [NAME...]
"""

import sys

import attack
import checks
import protocol_cases
from checks import true

check = checks.Checks()


def accepted(expected):
    """The outcomes that `expected`, alternatives apart by `|`, stands for."""
    found = set()
    for word in expected.split("|"):
        found.add(word)
        if word.startswith("S:"):
            found.add("C" + word[1:])  # section 5.4.1: a stream error may be treated as a connection error
        if word.startswith("C:"):
            found.add("closed")  # section 5.4.1: the GOAWAY may be lost when the connection is closed behind it
    return found


@check
def every_breach_gets_the_code_of_its_section(target):
    before, wrong, kinds = target.server.resident_bytes(), [], {}
    cases = protocol_cases.all_cases()
    for case in cases:
        with target.peer(preface=case.preface) as peer:
            for octets in case.octets(peer):
                if not peer.send(octets):
                    break
            if not peer.closed:
                peer.settle(3)
            found = peer.outcome(case.stream)
        kinds[found[:2]] = kinds.get(found[:2], 0) + 1
        if found not in accepted(case.expected):
            wrong.append(f"{case.name} (section {case.section}): {found}, not {case.expected}")
        if case.fresh:
            target.fresh_call()
    names = [case.name for case in cases]
    true(len(names) == len(set(names)) and len(names) >= 120, f"{len(set(names))} names of {len(names)} cases")
    true(not wrong, f"{len(wrong)} of {len(names)} wrong: " + "; ".join(wrong))
    target.at_base(before)
    attack.figure(f"{len(names)} cases: {kinds}")


@check
def a_case_that_is_right_is_answered(target):
    # The negative control: were every outcome accepted, or none read, this would fail.
    with target.peer() as peer:
        peer.send(peer.open(1, end=False) + attack.frame(attack.DATA, 1, 1, bytes(5)))
        peer.settle()
        true(peer.outcome(1) == "grpc:0", f"a valid call: {peer.outcome(1)}")


if __name__ == "__main__":
    sys.exit(attack.run(check))
