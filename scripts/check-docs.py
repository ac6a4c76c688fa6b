#!/usr/bin/env python3
"""Checks that what the Markdown files say about this repository is true.

* a relative link leads to a file or folder, and its anchor to a heading;
* a path in backticks that begins with one of our folders exists;
* a code block under `<!-- source: PATH -->` is that file, word for word;
* a test named as `Test: "its name" in PATH` stands in that file.

Links to other hosts are not followed. Prints one line per fault; exits 1 if there is any.
"""

import pathlib
import re
import subprocess
import sys
import unicodedata
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^ {0,3}(```+|~~~+)\s*([^`]*)$")
HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$")
INLINE_CODE = re.compile(r"(`+)(.+?)\1")
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(\s*<?([^\s<>()]*(?:\([^\s()]*\)[^\s<>()]*)*)>?"
                  r"(?:\s+(?:\"[^\"]*\"|'[^']*'))?\s*\)")
REFERENCE = re.compile(r"^ {0,3}\[([^\]]+)\]:\s*<?(\S+?)>?(?:\s+.*)?$")
HTML_LINK = re.compile(r"<(?:a|img)\b[^>]*?\b(?:href|src)=[\"']([^\"']+)[\"']", re.IGNORECASE)
HTML_ANCHOR = re.compile(r"<[a-z]+\b[^>]*?\b(?:id|name)=[\"']([^\"']+)[\"']", re.IGNORECASE)
SOURCE = re.compile(r"^<!--\s*source:\s*(\S+)\s*-->\s*$")
OUR_PATH = re.compile(r"^(?:\./)?(?:Sources|Tests|Examples|Protos|certs|docs|scripts|bench|\.ci)/[\w./+-]*$")
TEST = re.compile(r"Test:\s+\"([^\"]+)\"\s+in\s+`([^`]+)`")


def markdown_files():
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z", "--", "*.md"],
        cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return sorted({ROOT / name for name in listed.split("\0") if name})


class Document:
    """One Markdown file, taken apart into prose, headings and code blocks."""

    def __init__(self, path):
        self.path = path
        self.prose = []      # (line number, text without inline code)
        self.code_words = []  # (line number, text in backticks)
        self.blocks = []     # (line number, source path or None, text)
        self.anchors = set()
        self.lines = path.read_text(encoding="utf-8").splitlines()
        self._take_apart()

    def _take_apart(self):
        fence, block, source, start = None, [], None, 0
        used = {}
        for number, line in enumerate(self.lines, 1):
            match = FENCE.match(line)
            if fence is not None:
                closes = match and match[1][0] == fence[0] and len(match[1]) >= len(fence) and not match[2]
                if closes:
                    self.blocks.append((start, source, "\n".join(block) + "\n"))
                    fence, block, source = None, [], None
                else:
                    block.append(line)
                continue
            if match:
                fence, start = match[1], number
                continue
            marked = SOURCE.match(line.strip())
            if marked:
                source = marked[1]
                continue
            if line.strip():
                if source is not None:
                    self.blocks.append((number, source, None))
                source = None
            self._prose_line(number, line, used)
        if fence is not None:
            self.blocks.append((start, "", None))

    def _prose_line(self, number, line, used):
        heading = HEADING.match(line)
        if heading:
            slug = self.slug(heading[2])
            count = used.get(slug, 0)
            used[slug] = count + 1
            self.anchors.add(slug if count == 0 else f"{slug}-{count}")
        self.anchors.update(HTML_ANCHOR.findall(line))
        self.code_words += [(number, word[1].strip()) for word in INLINE_CODE.findall(line)]
        self.prose.append((number, INLINE_CODE.sub("`code`", line)))

    @staticmethod
    def slug(heading):
        """The anchor that GitHub and Forgejo give a heading."""
        text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        text = re.sub(r"[`*]|<[^>]+>", "", text).strip().lower()
        kept = [c for c in text if c in " -_" or unicodedata.category(c)[0] in "LNM"]
        return "".join(kept).replace(" ", "-")

    def targets(self):
        for number, line in self.prose:
            reference = REFERENCE.match(line)
            if reference and not reference[1].startswith("^"):
                yield number, reference[2]
                continue
            for target in LINK.findall(line) + HTML_LINK.findall(line):
                yield number, target


def faults_of(document, documents):
    for number, target in document.targets():
        problem = broken(document, target, documents)
        if problem:
            yield number, problem
    for number, word in document.code_words:
        if OUR_PATH.match(word) and not (ROOT / word).exists():
            yield number, f"there is no {word}"
    for number, source, text in document.blocks:
        problem = differing(source, text)
        if problem:
            yield number, problem
    for match in TEST.finditer("\n".join(document.lines)):
        number = document.path.read_text(encoding="utf-8").count("\n", 0, match.start()) + 1
        name, path = re.sub(r"\s+", " ", match[1]), ROOT / match[2]
        if not path.is_file():
            yield number, f"there is no {match[2]}"
        elif name not in path.read_text(encoding="utf-8"):
            yield number, f"{match[2]} has no test \"{name}\""


def broken(document, target, documents):
    if not target:
        return "an empty link"
    if re.match(r"^[a-z][a-z0-9+.-]*:", target, re.IGNORECASE):
        return None
    path_text, _, anchor = target.partition("#")
    path = document.path
    if path_text:
        base = ROOT if path_text.startswith("/") else document.path.parent
        path = (base / urllib.parse.unquote(path_text).lstrip("/")).resolve()
        if not path.is_relative_to(ROOT):
            return f"{target} leads out of the repository"
        if not path.exists():
            return f"{target} leads nowhere"
    if anchor and path in documents and urllib.parse.unquote(anchor) not in documents[path].anchors:
        return f"{target}: no heading has this anchor"
    return None


def differing(source, text):
    if source is None:
        return None
    if text is None:
        return f"no complete code block follows the source {source}"
    path = ROOT / source
    if not path.is_file():
        return f"there is no {source}"
    if path.read_text(encoding="utf-8") != text:
        return f"the code block is not word for word {source}"
    return None


def main():
    documents = {path: Document(path) for path in markdown_files()}
    faults = 0
    for path, document in documents.items():
        for number, problem in faults_of(document, documents):
            print(f"{path.relative_to(ROOT)}:{number}: {problem}")
            faults += 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
