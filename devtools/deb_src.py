#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Write apt sources made from the system's own.

    deb_src.py FOLDER < "URI suite" lines
    deb_src.py FOLDER SUITE [SUITE...]

Reads the system's own sources, in both of their formats, and writes to FOLDER: in the first form an
entry of type deb-src for each line; in the second, wherever the system has packages of the first
suite, entries of type deb for all of the suites. They have the options of the entry that they come
from (its key above all) but not those that would waive a check. Nothing of the system's is changed.
"""

import os
import re
import shlex
import subprocess
import sys

WAIVERS = ("trusted", "allow-insecure", "allow-weak", "allow-downgrade-to-insecure", "target",
           "targets", "enabled")
OFF = ("no", "false", "without", "off", "disable", "0")
_ONE_LINE = re.compile(r"deb(?:-src)?\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)")


def same_uri(uri):
    """A URI as `apt-cache madison` writes it."""
    return re.sub(r":/{3}", ":/", uri.rstrip("/"))


def system_files():
    """The files that apt reads its sources from."""
    text = subprocess.run(["apt-config", "shell", "LIST", "Dir::Etc::sourcelist/f", "PARTS",
                           "Dir::Etc::sourceparts/d"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    found = dict(word.split("=", 1) for word in shlex.split(text))
    files = [found.get("LIST", "")]
    parts = found.get("PARTS", "")
    if os.path.isdir(parts):
        files += sorted(os.path.join(parts, name) for name in os.listdir(parts))
    return [name for name in files if name.endswith((".list", ".sources")) and os.path.isfile(name)]


def from_one_line(text, kind, wanted):
    """Entries of a .list file for the suites in wanted(URI, suite), as ((URI, suite), entry)."""
    for line in text.splitlines():
        match = _ONE_LINE.match(line.strip())
        if not match:
            continue
        options, uri, found = match.groups()
        kept = [option for option in (options or "").split()
                if re.split(r"[-+]?=", option)[0] not in WAIVERS]
        shown = f"[{' '.join(kept)}] " if kept else ""
        for suite in wanted(same_uri(uri), found):
            yield (same_uri(uri), suite), f"{kind} {shown}{uri} {suite} main\n"


def fields_of(stanza):
    """The fields of a deb822 stanza, by lower-case name; values keep their continuation lines."""
    fields = {}
    name = None
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t") and name:
            fields[name] += "\n" + line
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def from_stanzas(text, kind, wanted):
    """Entries of a .sources file, as from_one_line()."""
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields = fields_of(stanza)
        if fields.get("enabled", "yes").lower() in OFF:
            continue
        for uri in fields.get("uris", "").split():
            for suite in (new for found in fields.get("suites", "").split()
                          for new in wanted(same_uri(uri), found)):
                entry = {**fields, "types": kind, "uris": uri, "suites": suite,
                         "components": "main"}
                yield (same_uri(uri), suite), "".join(
                    f"{name}: {value}\n" for name, value in entry.items() if name not in WAIVERS)


def main():
    folder, suites = sys.argv[1], sys.argv[2:]
    entries = {}
    if suites:
        kind, told = "deb", suites[0]

        def wanted(_, suite):
            return suites if suite == suites[0] else []
    else:
        lines = {(same_uri(uri), suite) for uri, suite in (line.split() for line in sys.stdin)}
        kind, told = "deb-src", ", ".join(" ".join(key) for key in sorted(lines))

        def wanted(uri, suite):
            return [suite] if (uri, suite) in lines else []
    for name in system_files():
        with open(name, encoding="utf-8") as file:
            text = file.read()
        one_line = name.endswith(".list")
        for key, entry in (from_one_line if one_line else from_stanzas)(text, kind, wanted):
            entries.setdefault(key, (".list" if one_line else ".sources", entry))
    if not entries:
        sys.exit(f"the sources of packages have no entry for {told}")
    for number, (suffix, entry) in enumerate(entries.values()):
        with open(os.path.join(folder, f"pvq-{number}{suffix}"), "w", encoding="utf-8") as file:
            file.write(entry)


if __name__ == "__main__":
    main()
