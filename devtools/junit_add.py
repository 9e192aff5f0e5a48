#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Write one result as a JUnit XML file.

    junit_add.py FILE.xml SUITE NAME passed|failed|skipped < message
"""

import sys

import junit


def main():
    if len(sys.argv) != 5 or sys.argv[4] not in (junit.PASSED, junit.FAILED, junit.SKIPPED):
        sys.exit(__doc__)
    path, suite, name, outcome = sys.argv[1:]
    junit.write(path, suite, [junit.Result(suite, name, outcome, sys.stdin.read())])


if __name__ == "__main__":
    main()
