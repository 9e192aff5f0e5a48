#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Add up JUnit XML files.

    junit_sum.py FOLDER SUITE...

Reads FOLDER/SUITE.xml and FOLDER/SUITE-*.xml of every suite, names each failed and each skipped
test with its reason, and ends with the line `N passed, N failed, N skipped`. A suite that left no
results is a failure. The exit status is 0 if nothing failed.
"""

import glob
import os
import sys

import junit

REASON_LINES = 12


def results_of(folder, suite):
    """What a suite left behind."""
    escaped = glob.escape(os.path.join(folder, suite))
    files = sorted(glob.glob(escaped + ".xml") + glob.glob(escaped + "-*.xml"))
    results = [result for name in files for result in junit.read(name)]
    if not results:
        results = [junit.Result(suite, "results", junit.FAILED, "the suite left no results")]
    return results


def show(results, outcome, lines):
    """Name the tests of one outcome, with the first lines of each reason."""
    chosen = [result for result in results if result.outcome == outcome]
    if chosen:
        print(f"\n{outcome}:")
    for result in chosen:
        reason = [line for line in result.message.splitlines() if line.strip()]
        print(f"  {result.suite}: {result.name}" + (f": {reason[0]}" if reason else ""))
        for line in reason[1:lines]:
            print(f"      {line}")
        if len(reason) > lines:
            print(f"      ({len(reason) - lines} lines more)")
    return len(chosen)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    results = [result for suite in sys.argv[2:] for result in results_of(sys.argv[1], suite)]
    passed = sum(result.outcome == junit.PASSED for result in results)
    skipped = show(results, junit.SKIPPED, 1)
    failed = show(results, junit.FAILED, REASON_LINES)
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
