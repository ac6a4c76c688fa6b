"""A second reading of the access rules, from their description in docs/operations.md and not from the server's code."""


def columns(line):
    return [column.strip(b" \t") for column in line.split(b",")]


def allows(policy, subject, action, name):
    """Whether a policy (bytes) lets a subject do an action on a log; all three are bytes."""
    rules = [columns(line) for line in policy.replace(b"\r\n", b"\n").split(b"\n") if line.strip(b" \t")[:1] not in (b"", b"#")]
    names, grown = {subject}, True
    while grown:
        more = {rule[2] for rule in rules if rule[0] == b"g" and rule[1] in names} - names
        names |= more
        grown = bool(more)
    effects = {rule[4] if len(rule) == 5 else b"allow" for rule in rules
               if rule[0] == b"p" and rule[1] in names and rule[3] == action and matches(rule[2], name)}
    return subject != b"" and effects == {b"allow"}


def matches(pattern, name):
    if pattern.startswith(b"log:"):
        pattern = pattern[4:]
    return name.startswith(pattern[:-1]) if pattern.endswith(b"*") else name == pattern
