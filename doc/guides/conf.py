# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Sphinx builds the guides with this: python3 -m sphinx -b html doc/guides OUT."""

import ast
import configparser
import json
import os
import re
import tomllib

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

_HERE = os.path.dirname(os.path.abspath(__file__))


def project_version():
    """The version has one home: the project's meson.build."""
    with open(os.path.join(_HERE, "..", "..", "meson.build"), encoding="utf-8") as file:
        return re.search(r"version: '([\d.]+)'", file.read()).group(1)


project = "pvq"
author = "The pvq authors"
copyright = "2026 The pvq authors"  # pylint: disable=redefined-builtin
release = project_version()
version = release

root_doc = "index"
highlight_language = "none"
html_theme = "alabaster"
html_theme_options = {"description": "A DPDK driver for the packed virtqueue",
                      "fixed_sidebar": True, "page_width": "70em"}
html_show_sourcelink = False
smartquotes = False


class Rows(Directive):
    """A table made of files; what the rows are is up to the subclass."""

    required_arguments = 1
    header = ()

    def rows(self, path):
        """Tuples of text, in reStructuredText, as long as the header."""
        raise NotImplementedError

    def run(self):
        """docutils calls this."""
        env = self.state.document.settings.env
        relative, path = env.relfn2path(self.arguments[0])
        env.note_dependency(relative)
        text = [".. list-table::", "   :header-rows: 1", ""]
        for first, *others in [self.header, *self.rows(path)]:
            text += [f"   * - {first}", *(f"     - {other}" for other in others)]
        node = nodes.Element()
        self.state.nested_parse(StringList(text, path), self.content_offset, node)
        return node.children


class Features(Rows):
    """`.. features:: FILE`: what a driver's features file says."""

    header = ("Feature", "pvq")

    def rows(self, path):
        parser = configparser.ConfigParser(delimiters="=", comment_prefixes=";")
        parser.optionxform = str
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
        return parser["Features"].items()


class Tests(Rows):
    """`.. tests:: FOLDER`: what each test of a folder says of itself at its head."""

    header = ("Test", "What it looks at")

    def rows(self, path):
        for name in sorted(os.listdir(path)):
            if re.fullmatch(r"test_\w+\.(c|py)", name):
                yield f"``{name}``", self.head(os.path.join(path, name))

    @staticmethod
    def head(path):
        """The first paragraph of a docstring, or of a C file's @file comment."""
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if path.endswith(".py"):
            text = ast.get_docstring(ast.parse(text)) or ""
        else:
            match = re.search(r"@file\b(.*?)\*/", text, re.S)
            text = re.sub(r"^ \* ?", "", match.group(1), flags=re.M) if match else ""
        text = " ".join(text.strip().partition("\n\n")[0].split())
        return re.sub(r"([*`|_\\])", r"\\\1", text)


class Conformance(Rows):
    """`.. conformance:: FILE PREFIX`: the rows of a list of duties whose names begin so."""

    required_arguments = 2
    header = ("Row", "Duty", "Shown by")

    def rows(self, path):
        parser = configparser.ConfigParser(delimiters="=", comment_prefixes=";",
                                           interpolation=None)
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
        for name in parser.sections():
            if name.startswith(self.arguments[1]):
                yield f"_`{name}`", self.duty(parser[name]), self.shown(parser[name])

    @staticmethod
    def duty(row):
        """What is asked, what happens otherwise, and where it is asked."""
        reaction = f" Reaction: *{row['reaction']}*." if "reaction" in row else ""
        return f"{' '.join(row['duty'].split())}.{reaction} ({row['spec']})"

    @staticmethod
    def shown(row):
        """Tests by program, or why there are none, and a remark."""
        parts = [row.get("reason", ""), row.get("note", "")]
        for line in Conformance.programs(row.get("tests", "")):
            program, names = line.split(":")
            parts.append(f"``{program}``: " + ", ".join(f"``{one}``" for one in names.split()))
        return " ".join(" ".join(parts).split())

    @staticmethod
    def programs(text):
        """The lines `FOLDER/PROGRAM: TEST ...`; a line without a colon goes on with the last."""
        found = []
        for line in text.split("\n"):
            if ":" in line:
                found.append(line)
            elif found:
                found[-1] += " " + line
        return found


class Mutants(Rows):
    """`.. mutants:: FOLDER`: mistakes made on purpose, and the test that has caught each."""

    header = ("Mutant", "Rule", "What it breaks", "Shown by")

    def rows(self, path):
        with open(os.path.join(path, "caught.json"), encoding="utf-8") as file:
            caught = json.load(file)
        for name in sorted(os.listdir(path)):
            if not name.endswith(".toml"):
                continue
            with open(os.path.join(path, name), "rb") as file:
                mutants = tomllib.load(file)["mutant"]
            for one in mutants:
                by = f"``{caught[one['id']]}``" if one["id"] in caught else \
                    f"no test: {one.get('proof', '')}"
                yield f"``{one['id']}``", one["rows"], one["breaks"], by


def setup(app):
    """Sphinx calls this first."""
    app.add_directive("conformance", Conformance)
    app.add_directive("features", Features)
    app.add_directive("mutants", Mutants)
    app.add_directive("tests", Tests)
    return {"parallel_read_safe": True}
