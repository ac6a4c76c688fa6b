#!/usr/bin/env python3
"""Makes a man page of what a program of ours says of itself (`--experimental-dump-help`).

    man.py PROGRAM SECTION VERSION < dump.json > PROGRAM.SECTION
"""

import json
import re
import sys


def escaped(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(['.])", r"\\&\1", text, flags=re.M)


def names(argument):
    shown = []
    for name in argument.get("names") or []:
        dashes = "-" if name["kind"] == "short" else "--"
        shown.append(f"\\fB{escaped(dashes + name['name'])}\\fR")
    if argument["kind"] == "positional":
        return f"\\fI{escaped(argument['valueName'])}\\fR"
    text = ", ".join(shown)
    return text + f" \\fI{escaped(argument['valueName'])}\\fR" if argument["kind"] == "option" else text


def paragraphs(text):
    lines = []
    for part in re.split(r"\n\s*\n", text.strip()):
        lines += [".PP", escaped(re.sub(r"\s*\n\s*", " ", part))]
    return lines


def arguments(command):
    lines = []
    for argument in command.get("arguments") or []:
        if not argument.get("shouldDisplay", True):
            continue
        lines += [".TP", names(argument)]
        about = argument.get("abstract") or ""
        if argument.get("defaultValue"):
            about += f" (default: {argument['defaultValue']})"
        if argument.get("allValues"):
            about += f" One of {', '.join(argument['allValues'])}."
        lines.append(escaped(about.strip()) or "\\&")
    return lines


def usage(path, command):
    words = [f"\\fB{escaped(' '.join(path))}\\fR"]
    shown = [a for a in command.get("arguments") or [] if a.get("shouldDisplay", True)]
    if any(a["kind"] != "positional" for a in shown):
        words.append("[\\fIoptions\\fR]")
    for argument in shown:
        if argument["kind"] == "positional":
            name = f"\\fI{escaped(argument['valueName'])}\\fR"
            dots = "..." if argument.get("isRepeating") else ""
            words.append(f"[{name}{dots}]" if argument.get("isOptional") else name + dots)
    if command.get("subcommands"):
        words.append("\\fIcommand\\fR")
    return " ".join(words)


def commands(path, command):
    lines = []
    for sub in command.get("subcommands") or []:
        if sub["commandName"] == "help" or not sub.get("shouldDisplay", True):
            continue
        inner = path + [sub["commandName"]]
        lines += [f".SS \"{escaped(' '.join(inner[1:]))}\"", usage(inner, sub)]
        lines += paragraphs(sub.get("abstract") or "")
        lines += paragraphs(sub["discussion"]) if sub.get("discussion") else []
        lines += arguments(sub) + commands(inner, sub)
    return lines


def main():
    program, section, version = sys.argv[1:4]
    command = json.load(sys.stdin)["command"]
    lines = [
        f'.TH "{program.upper()}" "{section}" "" "distlog {version}" "distlog"',
        ".SH NAME", f"{escaped(program)} \\- {escaped(command['abstract'].rstrip('.'))}",
        ".SH SYNOPSIS", usage([program], command), ".SH DESCRIPTION"]
    lines += paragraphs(command.get("discussion") or command["abstract"])
    lines += [".SH OPTIONS"] + arguments(command) + [".SH COMMANDS"] + commands([program], command)
    other = "distlog\\-client" if program == "distlogd" else "distlogd"
    lines += [".SH SEE ALSO", f".BR {other} (1)" if program == "distlogd" else f".BR {other} (8)"]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
