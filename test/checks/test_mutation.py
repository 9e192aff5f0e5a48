# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""The lists of mutants: each fits the source, and no barrier of the data path is without one."""

import json
import re
import sys

import pytest

from tree import DRIVER, ROOT, read

sys.path.insert(0, str(ROOT / "devtools"))
import mutants  # noqa: E402  pylint: disable=wrong-import-position

# What orders accesses to memory, and who waits for whom.
BARRIERS = {
    "gate.[ch]": r"__ATOMIC_(?:ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)|\bmembarrier\(barrier_cmd\)",
    "ring.[ch]": r"__ATOMIC_(?:ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)",
    "burst*.[ch]": r"__ATOMIC_(?:ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)",
    "kernel_*.h": r"__ATOMIC_(?:ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)",
    "device*.c": r"\bpvq_gate_(?:barrier|wait)\(",
}


@pytest.fixture(scope="module", name="known")
def fixture_known():
    return mutants.load()


def test_every_mutant_fits_the_source_once(known):
    assert len(known) >= 300
    assert mutants.stale(known) == []


def test_every_barrier_has_a_mutant(known):
    missing, found = [], 0
    for pattern, barrier in BARRIERS.items():
        for path in sorted(DRIVER.glob(pattern)):
            text = read(path)
            spans = [mutants.span(mutant, text) for mutant in known
                     if mutants.file_of(mutant).name == path.name]
            for match in re.finditer(barrier, text):
                found += 1
                if not any(begin <= match.start() and match.end() <= end for begin, end in spans):
                    line = text.count("\n", 0, match.start()) + 1
                    missing.append(f"{path.name}:{line}: {match.group()}")
    assert found >= 25
    assert missing == []


def test_a_test_has_caught_every_mutant(known):
    caught = json.loads(read(mutants.LISTS / "caught.json"))
    assert list(caught) == [mutant.id for mutant in known if not mutant.proof], \
        "run devtools/mutate.sh --record --only ... for these"
    assert all(caught.values())


def test_a_stale_mutant_is_noticed(known, tmp_path):
    one = known[0]
    copy = tmp_path / mutants.file_of(one)
    copy.parent.mkdir(parents=True)
    text = read(ROOT / mutants.file_of(one))
    copy.write_text(mutants.apply(one, text), encoding="utf-8")
    assert len(mutants.stale([one], tmp_path)) == 1
    begin, end = mutants.span(one, text)
    copy.write_text(text[:end] + "\n" + text[begin:], encoding="utf-8")
    assert len(mutants.stale([one], tmp_path)) == 1
    copy.write_text(text, encoding="utf-8")
    assert mutants.stale([one], tmp_path) == []
