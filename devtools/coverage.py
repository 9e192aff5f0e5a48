#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""What of the driver the tests have run, and whether that is enough.

    coverage.py SOURCE BUILD FOLDER RESULTS.xml

SOURCE is the repository, BUILD a build folder made with -Dcoverage=true after its tests have run.
Writes to FOLDER the reports lines.txt (with the lines that nothing ran), branches.txt, summary.json
and cobertura.xml, shows a table, and notes a failed result where all of the driver is below one of
the floors.
"""

import json
import os
import subprocess
import sys

import junit

DRIVER = "drivers/net/pvq/"
# Percent of all lines, and of all branches, that the tests run at least.
FLOORS = {"line": 95.0, "branch": 83.0}


def gcovr(source, build, folder):
    """Let gcovr write its reports; returns its summary."""
    summary = os.path.join(folder, "summary.json")
    command = ["gcovr", "--root", source, "--filter", DRIVER, "--exclude-unreachable-branches",
               "--object-directory", build]
    subprocess.run(command + ["--txt", os.path.join(folder, "lines.txt"), "--json-summary", summary,
                              "--cobertura", os.path.join(folder, "cobertura.xml"),
                              os.path.join(build, DRIVER)], cwd=source, check=True)
    subprocess.run(command + ["--branches", "--txt", os.path.join(folder, "branches.txt"),
                              os.path.join(build, DRIVER)], cwd=source, check=True)
    with open(summary, encoding="utf-8") as file:
        return json.load(file)


def row(name, of):
    """One line of the table; of has the figures of a file or of all."""
    cells = []
    for kind in FLOORS:
        covered, total = of[f"{kind}_covered"], of[f"{kind}_total"]
        share = f"{100 * covered / total:.1f} %" if total else "-"
        cells.append(f"{covered:5} of {total:5} {share:>8}")
    return f"   {name:28}" + "   ".join(cells)


def judge(kind, of, table):
    """The result for lines or for branches."""
    covered, total = of[f"{kind}_covered"], of[f"{kind}_total"]
    name = f"{kind}_floor"
    # No figures at all is what a build without coverage leaves.
    if total == 0 or 100 * covered / total < FLOORS[kind]:
        return junit.Result("coverage", name, junit.FAILED,
                            f"{covered} of {total}, less than {FLOORS[kind]} %\n{table}")
    return junit.Result("coverage", name, junit.PASSED, "")


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    source, build, folder, results = map(os.path.abspath, sys.argv[1:])
    os.makedirs(folder, exist_ok=True)
    of = gcovr(source, build, folder)
    files = sorted(of["files"], key=lambda file: file["line_covered"] - file["line_total"])
    table = "\n".join([f"   {'':28}{'lines':>23}   {'branches':>23}"] +
                      [row(file["filename"].rpartition("/")[2], file) for file in files] +
                      [row("all", of)])
    print(table, flush=True)
    found = [judge(kind, of, table) for kind in FLOORS]
    junit.write(results, "coverage", found)
    return 1 if any(result.outcome == junit.FAILED for result in found) else 0


if __name__ == "__main__":
    sys.exit(main())
