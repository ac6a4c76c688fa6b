#!/usr/bin/env python3
"""Fails when a newer set of .proto files would break a client of an older one.

    compare-protos.py <older.desc> <newer.desc>    FileDescriptorSets made by protoc
    compare-protos.py --self-test

A field may go when its number and its name are reserved. Everything else that was published
stays as it was: messages, enums with their values, services with their methods.
"""

import sys

from google.protobuf import descriptor_pb2

FIELD = descriptor_pb2.FieldDescriptorProto


def load(path):
    with open(path, "rb") as file:
        return descriptor_pb2.FileDescriptorSet.FromString(file.read())


def messages(files):
    """Every message by its full name, nested ones too."""
    found = {}

    def walk(prefix, items):
        for item in items:
            found[f"{prefix}.{item.name}"] = item
            walk(f"{prefix}.{item.name}", item.nested_type)

    for file in files.file:
        walk(file.package, file.message_type)
    return found


def enums(files):
    found = {}
    for file in files.file:
        for item in file.enum_type:
            found[f"{file.package}.{item.name}"] = item
    for name, message in messages(files).items():
        for item in message.enum_type:
            found[f"{name}.{item.name}"] = item
    return found


def methods(files):
    return {
        f"/{file.package}.{service.name}/{method.name}": method
        for file in files.file
        for service in file.service
        for method in service.method
    }


def reserved_field(message, number):
    return any(part.start <= number < part.end for part in message.reserved_range)


def reserved_value(enum, number):
    # Unlike a message's, the end of an enum's range is part of it.
    return any(part.start <= number <= part.end for part in enum.reserved_range)


def describe(field):
    kind = FIELD.Type.Name(field.type)[5:].lower()
    label = FIELD.Label.Name(field.label)[6:].lower()
    group = field.oneof_index if field.HasField("oneof_index") else None
    return (field.name, kind, label, field.type_name, group)


def compare_message(name, old, new):
    fields = {field.number: field for field in new.field}
    for field in old.field:
        where = f"{name}.{field.name} = {field.number}"
        if field.number in fields:
            before, after = describe(field), describe(fields[field.number])
            if before != after:
                yield f"{where} changed from {before} to {after}"
        elif not reserved_field(new, field.number):
            yield f"{where} is gone and its number is not reserved"
        elif field.name not in new.reserved_name:
            yield f"{where} is gone and its name is not reserved"
    for number, field in fields.items():
        if reserved_field(old, number):
            yield f"{name}.{field.name} = {number} takes a reserved number"
        if field.name in old.reserved_name:
            yield f"{name}.{field.name} = {number} takes a reserved name"


def compare_enum(name, old, new):
    values = {value.number: value.name for value in new.value}
    for value in old.value:
        where = f"{name}.{value.name} = {value.number}"
        if value.number not in values:
            if not reserved_value(new, value.number):
                yield f"{where} is gone and its number is not reserved"
        elif values[value.number] != value.name:
            yield f"{where} is now called {values[value.number]}"


def compare_method(path, old, new):
    for part in ("input_type", "output_type", "client_streaming", "server_streaming"):
        if getattr(old, part) != getattr(new, part):
            yield f"{path}: {part} changed from {getattr(old, part)} to {getattr(new, part)}"


def compare(older, newer):
    """Every incompatible difference, as a sentence."""
    pairs = ((messages, compare_message), (enums, compare_enum), (methods, compare_method))
    for collect, compare_one in pairs:
        after = collect(newer)
        for name, old in collect(older).items():
            if name not in after:
                yield f"{name} is gone"
            else:
                yield from compare_one(name, old, after[name])


def self_test():
    """Each kind of change, made to a small file, is judged as it should be."""

    def sample():
        files = descriptor_pb2.FileDescriptorSet()
        file = files.file.add(package="p")
        message = file.message_type.add(name="M")
        for number, name in ((1, "a"), (2, "b")):
            message.field.add(name=name, number=number, type=FIELD.TYPE_UINT64, label=1)
        message.reserved_range.add(start=7, end=9)
        enum = file.enum_type.add(name="E")
        enum.value.add(name="ZERO", number=0)
        enum.value.add(name="ONE", number=1)
        method = file.service.add(name="S").method.add(name="Call")
        method.input_type = method.output_type = ".p.M"
        return files, file, message, enum, method

    def judge(expected, change):
        files, *parts = sample()
        change(*parts)
        found = list(compare(sample()[0], files))
        assert len(found) == expected, f"expected {expected} differences, found {found}"

    def change_field(**values):
        def change(file, message, enum, method):
            for name, value in values.items():
                setattr(message.field[1], name, value)

        return change

    def remove_reserving(number, name):
        def change(file, message, enum, method):
            del message.field[1]
            if number:
                message.reserved_range.add(start=2, end=3)
            if name:
                message.reserved_name.append("b")

        return change

    def add_field(number):
        return lambda file, message, enum, method: message.field.add(
            name="c", number=number, type=FIELD.TYPE_UINT64, label=1
        )

    judge(0, lambda file, message, enum, method: None)
    judge(0, add_field(3))
    judge(1, add_field(8))
    judge(1, change_field(type=FIELD.TYPE_UINT32))
    judge(1, change_field(label=FIELD.LABEL_REPEATED))
    judge(1, change_field(name="other"))
    judge(1, change_field(number=3))
    judge(1, remove_reserving(False, False))
    judge(1, remove_reserving(True, False))
    judge(1, remove_reserving(False, True))
    judge(0, remove_reserving(True, True))
    judge(1, lambda file, message, enum, method: enum.value.pop())
    judge(1, lambda file, message, enum, method: setattr(enum.value[1], "name", "UNO"))
    judge(1, lambda file, message, enum, method: setattr(method, "server_streaming", True))
    judge(1, lambda file, message, enum, method: setattr(method, "name", "Other"))
    judge(1, lambda file, message, enum, method: file.message_type.pop())


def main(arguments):
    if arguments == ["--self-test"]:
        self_test()
        return 0
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    differences = list(compare(load(arguments[0]), load(arguments[1])))
    for difference in differences:
        print(f"compare-protos: {difference}", file=sys.stderr)
    if differences:
        print(
            "compare-protos: clients would break. Keep the number, or remove the field and"
            " reserve both its number and its name.",
            file=sys.stderr,
        )
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
