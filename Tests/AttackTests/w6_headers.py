"""W6: the headers of a call, each value of the row's list and more.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: w6_headers.py [--strict] [NAME...]
"""

import sys
import urllib.parse

import attack
import checks
from attack import CONSUME, DATA, END_HEADERS, END_STREAM, GET_SERVERS, HEADERS, frame
from checks import equal, true

check = checks.Checks()
EMPTY = bytes(5)


def answer(peer, stream, fields):
    """The answer's headers to a request of these fields and an empty message."""
    peer.send(frame(HEADERS, END_HEADERS, stream, peer.encoder.encode(fields)) + frame(DATA, END_STREAM, stream, EMPTY))
    peer.until(lambda: stream in peer.resets or peer.goaway or "grpc-status" in peer.answers.get(stream, {})
               or peer.answers.get(stream, {}).get(":status", "200") != "200", 10)
    return peer.answers.get(stream, {})


def fields(method="POST", path=GET_SERVERS, kind="application/grpc", more=(), te="trailers"):
    found = [(":method", method), (":scheme", "https"), (":path", path), (":authority", "localhost")]
    found += [("te", te)] if te else []
    return found + ([("content-type", kind)] if kind is not None else []) + list(more)


def table(target, cases, of=lambda found: found.get("grpc-status")):
    wrong = []
    with target.peer() as peer:
        for number, (name, (request, expected)) in enumerate(cases.items()):
            found = of(answer(peer, 1 + 2 * number, request))
            if found != expected:
                wrong.append(f"{name!r}: {found}, not {expected}")
    true(not wrong, "; ".join(wrong))
    target.fresh_call()


def http(found):
    return found.get(":status")


@check
def content_types(target):
    right = ("application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8")
    wrong = (None, "", "text/html", "application/json", "application/grpcx", "application/grpc-web", "application/gRP",
             "xapplication/grpc", "application", "application/", "\xff" * 100, "a" * 8000)
    table(target, {str(kind)[:30]: (fields(kind=kind), "200") for kind in right}, http)
    table(target, {str(kind)[:30]: (fields(kind=kind), "415") for kind in wrong}, http)


@check
def methods_of_http(target):
    table(target, {method: (fields(method=method), "405") for method in (
        "GET", "PUT", "DELETE", "PATCH", "TRACE", "post", "POSTX", "P", "M" * 500)}, http)


@check
def paths_that_no_method_has(target):
    paths = ["/", "//", "/log.v1.Log", "/log.v1.Log/", "/log.v1.Log/produce", "/log.v1.Log/Produce/", "/log.v1.Log//Produce",
             "/log.v1.Log/Produce?x=1", "/log.v1.Log/Produce%00", "/log.v1.Log/%50roduce", "/../log.v1.Log/Produce",
             "/log.v1.log/Produce", "/grpc.health.v1.Health", "/raft.v1.Raft/AppendEntries", "/" + "x" * 10_000,
             "/log.v1.Log/Produce#", "/log.v1.Logs/Produce", "/log/v1/Log/Produce"]
    table(target, {path[:40]: (fields(path=path), "12") for path in paths})


@check
def timeouts(target):
    malformed = ("", "0", "1", "n", "S", "-1S", "+1S", "1.5S", "1 S", " 1S", "1s", "1h", "1MS", "0x1S", "123456789S",
                 "000000001S", "999999999n", "1Ss", "\xb2S", "9" * 500 + "S")
    fine = ("99999999H", "99999999M", "99999999S", "00000009S", "9S", "9000m", "9000000u")
    cases = {text[:20]: (fields(more=[("grpc-timeout", text)]), "13") for text in malformed}
    # RFC 9113 section 8.2.1 lets nghttp2 refuse a value that begins with a space as malformed.
    del cases[" 1S"]
    table(target, cases)
    table(target, {text: (fields(more=[("grpc-timeout", text)]), "0") for text in fine})
    table(target, {text: (fields(more=[("grpc-timeout", text)]), "4") for text in ("0n", "0H", "00000000S")})


@check
def binary_metadata(target):
    bad = ("!!!", "A", "AAAAA", "AA=A", "=", "AAAA=AAAA", "A\xc3A", "AA-_")
    good = ("", "AAEC", "AAECAw==", "AAECAw", "AAEC,AAECAw==")
    table(target, {value: (fields(more=[("x-data-bin", value)]), "13") for value in bad})
    table(target, {value: (fields(more=[("x-data-bin", value)]), "0") for value in good})
    table(target, {"second of two": (fields(more=[("x-data-bin", "AAEC"), ("x-data-bin", "!")]), "13")})


@check
def te_may_be_missing_but_nothing_else(target):
    table(target, {"no te": (fields(te=None), "0"), "te": (fields(), "0")})


@check
def encodings(target):
    cases = {name: (fields(more=[("grpc-encoding", name)]), ("12", "identity")) for name in (
        "gzip", "deflate", "snappy", "zstd", "", "IDENTITY", "x" * 5000)}
    table(target, cases, lambda found: (found.get("grpc-status"), found.get("grpc-accept-encoding")))
    table(target, {"identity": (fields(more=[("grpc-encoding", "identity")]), "0")})


@check
def credentials_that_are_not_taken(target):
    """Tokens are not served, so every one is a bad one: UNAUTHENTICATED even beside a good certificate."""
    one = [("authorization", "Bearer abc")]
    cases = {"one": one, "two": one * 2, "two that differ": one + [("authorization", "Bearer x")],
             "basic": [("authorization", "Basic cm9vdDpyb290")], "empty": [("authorization", "")]}
    for path in (GET_SERVERS, CONSUME, "/grpc.health.v1.Health/Check"):
        table(target, {name: (fields(path=path, more=more), "16") for name, more in cases.items()})


@check
def messages_are_percent_encoded(target):
    with target.peer() as peer:
        found = answer(peer, 1, fields(path="/caf\u00e9%\"\u202e"))
        text = found.get("grpc-message", "")
        true(all(0x20 <= ord(letter) < 0x7F for letter in text), f"grpc-message {text!r}")
        true("caf\u00e9%\"\u202e" in urllib.parse.unquote(text), f"grpc-message {text!r}")
        equal(found.get("grpc-status"), "12", "status")
    target.fresh_call()


if __name__ == "__main__":
    sys.exit(attack.run(check))
