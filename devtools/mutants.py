# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""The lists of mutants in test/mutation, and how a mutant is put into the source.

Each `[[mutant]]` of a list has

    id      its name: small letters, digits and hyphens
    at      FILE:NAME, a file of the driver and the function or macro in which the change is made;
            FILE alone where it is outside of all
    find    what is there; white space stands for any white space. To be found there exactly once.
    put     what is put in its place; what `find` has is gone where this is empty
    breaks  what goes wrong with it
    rows    rows of the conformance checklist, or the name of the rule
    tests   optional: tests of meson's that are tried first, as patterns
    build   optional: "asan" when only a sanitizer sees the harm
    cpu     optional: flag that the processor must have for the changed code to run
    proof   optional: why nobody can tell it from the original. It is listed, and not run.
"""

import collections
import pathlib
import re
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]
LISTS = ROOT / "test" / "mutation"
DRIVER = pathlib.PurePath("drivers", "net", "pvq")

REQUIRED = ("id", "at", "find", "put", "breaks", "rows")
OPTIONAL = {"tests": [], "build": "plain", "cpu": None, "proof": None}
BUILDS = ("plain", "asan")

Mutant = collections.namedtuple("Mutant", (*REQUIRED, *OPTIONAL))


class Stale(Exception):
    """A list does not fit the source, or is wrong in itself."""


def _mutant(entry, path):
    name = f"{path.name}: {entry.get('id', '?')}"
    missing = [key for key in REQUIRED if not isinstance(entry.get(key), str)]
    unknown = sorted(set(entry) - set(REQUIRED) - set(OPTIONAL))
    if missing or unknown:
        raise Stale(f"{name}: lacks {missing}, has unknown {unknown}")
    mutant = Mutant(**{**OPTIONAL, **entry})
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", mutant.id) or mutant.build not in BUILDS:
        raise Stale(f"{name}: bad id or build")
    return mutant


def load():
    """All mutants, in the order of the lists."""
    found = {}
    for path in sorted(LISTS.glob("*.toml")):
        try:
            entries = tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
        except (tomllib.TOMLDecodeError, KeyError) as error:
            raise Stale(f"{path.name}: {error}") from error
        for entry in entries:
            mutant = _mutant(entry, path)
            if found.setdefault(mutant.id, mutant) is not mutant:
                raise Stale(f"{path.name}: a second {mutant.id}")
    return list(found.values())


def file_of(mutant):
    """The file of a mutant, relative to the root."""
    return DRIVER / mutant.at.partition(":")[0]


def _place(text, name):
    """Where a function's or a macro's definition begins and ends."""
    if not name:
        return 0, len(text)
    definition = re.search(rf"^{name}\([^;{{}}]*\)\n\{{\n.*?^\}}$|"
                           rf"^#define {name}\b(?:[^\n]*\\\n)*[^\n]*$|"
                           rf"^(?:struct|enum) {name} \{{\n.*?^\}};$|"
                           rf"^[^\n]*\b{name}\[[^\n]*\] = \{{\n.*?^\}};$", text, re.M | re.S)
    if definition is None:
        raise Stale(f"no {name} here")
    return definition.span()


def span(mutant, text):
    """Where in the text of its file a mutant's change is: begin and end."""
    begin, end = _place(text, mutant.at.partition(":")[2])
    words = mutant.find.split()
    places = list(re.finditer(r"\s+".join(map(re.escape, words)), text[begin:end]))
    if not words or len(places) != 1:
        raise Stale(f"found {len(places)} times in {mutant.at}: {mutant.find}")
    first, last = places[0].span()
    return begin + first, begin + last


def apply(mutant, text):
    """The text of the mutant's file with the change made."""
    begin, end = span(mutant, text)
    changed = text[:begin] + mutant.put + text[end:]
    if changed == text:
        raise Stale("changes nothing")
    return changed


def stale(all_mutants, root=ROOT):
    """What is wrong with mutants that do not fit the source below `root`."""
    wrong = []
    for mutant in all_mutants:
        try:
            apply(mutant, (root / file_of(mutant)).read_text(encoding="utf-8"))
        except (Stale, OSError) as error:
            wrong.append(f"{mutant.id}: {error}")
    return wrong
