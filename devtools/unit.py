#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Run the tests that a build folder defines and gather every single result.

    unit.py BUILD RESULTS.xml [--suite NAME] [--label NAME]

Takes the list of tests from meson. A test of meson's suite `unit` is a cmocka program, whose own
XML tells what it tested: a program that crashes, hangs or leaves no XML fails, whatever it printed.
Any other test is judged by its exit status: 0 passed, 77 skipped.
"""

import argparse
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import junit

SKIP_STATUS = 77
OUTPUT_LINES = 30


def suites_of(test):
    """meson's suites of a test, without the project's name before them."""
    return [suite.rpartition(":")[2] for suite in test.get("suite", [])]


def tests_of(build, suite):
    """meson's list of tests, of one suite or of all."""
    text = subprocess.run(["meson", "introspect", "--tests", build], stdout=subprocess.PIPE,
                          text=True, check=True).stdout
    return [test for test in json.loads(text) if suite is None or suite in suites_of(test)]


def ended(status):
    """Words for an exit status."""
    if status >= 0:
        return f"exit status {status}"
    return f"killed by {signal.Signals(-status).name}"


def run_program(test, env):
    """Run a test; returns (status, output), status None if it did not end in time."""
    with tempfile.TemporaryFile() as output:
        proc = subprocess.Popen(test["cmd"], env={**os.environ, **test.get("env", {}), **env},
                                cwd=test.get("workdir"), stdin=subprocess.DEVNULL, stdout=output,
                                stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = proc.wait(test["timeout"] if test.get("timeout", 0) > 0 else None)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if proc.poll() is None:
                os.killpg(proc.pid, signal.SIGKILL)
                proc.wait()
        output.seek(0)
        text = output.read().decode(errors="replace")
    return status, "\n".join(text.splitlines()[-OUTPUT_LINES:])


def run_test(test, label):
    """Run one test of meson's; returns its results."""
    name = test["name"]
    with tempfile.TemporaryDirectory(prefix="pvq-unit-") as folder:
        status, output = run_program(test, {
            "CMOCKA_MESSAGE_OUTPUT": "xml",
            "CMOCKA_XML_FILE": os.path.join(folder, "%g.xml"),
        })
        results = [result for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*.xml")))
                   for result in junit.read(path)]
    results = [result._replace(suite=f"{label}.{name}") for result in results]
    failed = any(result.outcome == junit.FAILED for result in results)

    def whole(outcome, message):
        return junit.Result(label, name, outcome, message)

    if status is None:
        results.append(whole(junit.FAILED, f"no end within {test['timeout']} s\n{output}"))
    elif "unit" in suites_of(test):
        # cmocka's exit status is the number of failed tests, so a crash is what is left over.
        if status < 0 or (status and not failed):
            results.append(whole(junit.FAILED, f"{ended(status)}\n{output}"))
        elif not results:
            results.append(whole(junit.FAILED, f"no results from cmocka\n{output}"))
    elif status == SKIP_STATUS:
        results.append(whole(junit.SKIPPED, output))
    elif status:
        results.append(whole(junit.FAILED, f"{ended(status)}\n{output}"))
    else:
        results.append(whole(junit.PASSED, ""))
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("results")
    parser.add_argument("--suite", help="only the tests of this suite of meson's")
    parser.add_argument("--label", default="unit", help="what the results are called")
    args = parser.parse_args()
    # A test runs in a session of its own: leaving in order is what ends it with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results = []
    for test in tests_of(args.build, args.suite):
        began = time.monotonic()
        found = run_test(test, args.label)
        results += found
        counts = [sum(result.outcome == outcome for result in found)
                  for outcome in (junit.PASSED, junit.FAILED, junit.SKIPPED)]
        print(f"   {args.label} {test['name']}: {counts[0]} passed, {counts[1]} failed, "
              f"{counts[2]} skipped, {time.monotonic() - began:.1f} s", flush=True)
        for result in found:
            if result.outcome == junit.FAILED:
                print(f"      failed: {result.name}", flush=True)
    junit.write(args.results, args.label, results)
    return 1 if any(result.outcome == junit.FAILED for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
