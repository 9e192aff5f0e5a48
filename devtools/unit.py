#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Run the tests that a build folder defines and gather every single result.

    unit.py BUILD RESULTS.xml [--suite NAME] [--label NAME] [--wrapper COMMAND] [--jobs N]

Takes the list of tests from meson. A test of meson's suites `unit` and `order` is a cmocka program,
whose own XML tells what it tested: a program that crashes, hangs or leaves no XML fails, whatever it
printed.
Any other test is judged by its exit status: 0 passed, 77 skipped.
"""

import argparse
import concurrent.futures
import glob
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time

import junit

SKIP_STATUS = 77
CMOCKA_SUITES = {"unit", "order"}
OUTPUT_LINES = 30

# What runs now, each in a session of its own: leaving in order is what ends it with us.
RUNNING = set()


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


def run_program(test, env, wrapper):
    """Run a test; returns (status, output), status None if it did not end in time."""
    with tempfile.TemporaryFile() as output:
        proc = subprocess.Popen(wrapper + test["cmd"],
                                env={**os.environ, **test.get("env", {}), **env},
                                cwd=test.get("workdir"), stdin=subprocess.DEVNULL, stdout=output,
                                stderr=subprocess.STDOUT, start_new_session=True)
        RUNNING.add(proc)
        try:
            status = proc.wait(test["timeout"] if test.get("timeout", 0) > 0 else None)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if proc.poll() is None:
                os.killpg(proc.pid, signal.SIGKILL)
                proc.wait()
            RUNNING.discard(proc)
        output.seek(0)
        text = output.read().decode(errors="replace")
    return status, "\n".join(text.splitlines()[-OUTPUT_LINES:])


def run_test(test, label, wrapper):
    """Run one test of meson's; returns its results."""
    name = test["name"]
    with tempfile.TemporaryDirectory(prefix="pvq-unit-") as folder:
        status, output = run_program(test, {
            "CMOCKA_MESSAGE_OUTPUT": "xml",
            "CMOCKA_XML_FILE": os.path.join(folder, "%g.xml"),
        }, wrapper)
        results = [result for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*.xml")))
                   for result in junit.read(path)]
    # A skipped test has told the reason on its output.
    results = [result._replace(suite=f"{label}.{name}", message=result.message or output)
               if result.outcome == junit.SKIPPED else result._replace(suite=f"{label}.{name}")
               for result in results]
    failed = any(result.outcome == junit.FAILED for result in results)

    def whole(outcome, message):
        return junit.Result(label, name, outcome, message)

    if status is None:
        results.append(whole(junit.FAILED, f"no end within {test['timeout']} s\n{output}"))
    elif not CMOCKA_SUITES.isdisjoint(suites_of(test)):
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


def run_and_tell(test, label, wrapper):
    """As run_test(), with a line about it for the user."""
    began = time.monotonic()
    results = run_test(test, label, wrapper)
    counts = [sum(result.outcome == outcome for result in results)
              for outcome in (junit.PASSED, junit.FAILED, junit.SKIPPED)]
    lines = [f"   {label} {test['name']}: {counts[0]} passed, {counts[1]} failed, "
             f"{counts[2]} skipped, {time.monotonic() - began:.1f} s"]
    lines += [f"      failed: {result.name}" for result in results
              if result.outcome == junit.FAILED]
    print("\n".join(lines), flush=True)
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("results")
    parser.add_argument("--suite", help="only the tests of this suite of meson's")
    parser.add_argument("--label", default="unit", help="what the results are called")
    parser.add_argument("--wrapper", type=shlex.split, default=[], metavar="COMMAND",
                        help="what runs a program that was built for another processor")
    parser.add_argument("--jobs", type=int, default=1, help="how many tests run at a time")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results = []
    pool = concurrent.futures.ThreadPoolExecutor(args.jobs)
    try:
        for results_of_one in pool.map(lambda test: run_and_tell(test, args.label, args.wrapper),
                                       tests_of(args.build, args.suite)):
            results += results_of_one
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for proc in list(RUNNING):
            if proc.poll() is None:
                os.killpg(proc.pid, signal.SIGKILL)
    junit.write(args.results, args.label, results)
    return 1 if any(result.outcome == junit.FAILED for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
