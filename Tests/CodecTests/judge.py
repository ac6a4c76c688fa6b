#!/usr/bin/env python3
"""Says of each input what Python's protobuf makes of it.

    judge.py <file.desc>... < inputs > verdicts

An input is a line "<message name> <hex>". Its verdict is a line: "!" when it is refused, otherwise
the hex of the message encoded again, without unknown fields and with maps in the order of keys.
"""

import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory


def load(paths):
    pool = descriptor_pool.DescriptorPool()
    for path in paths:
        with open(path, "rb") as file:
            for item in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file:
                pool.Add(item)
    return pool


def judge(cls, data):
    try:
        parsed = cls.FromString(data)
    except message.DecodeError:
        return "!"
    parsed.DiscardUnknownFields()
    return parsed.SerializeToString(deterministic=True).hex()


def main():
    pool = load(sys.argv[1:])
    classes = {}
    for line in sys.stdin:
        name, _, data = line.rstrip("\n").partition(" ")
        if name not in classes:
            classes[name] = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
        print(judge(classes[name], bytes.fromhex(data)))


if __name__ == "__main__":
    main()
