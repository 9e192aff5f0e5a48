#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Run the fuzzers that a build folder holds.

    fuzz.py test BUILD RESULTS.xml
    fuzz.py grow BUILD WORK --minutes N [--target NAME] [--coverage BUILD] [--update]

`test` replays the corpora of the repository and adds a run of bounded length. `grow` runs on every
processor, keeps what it finds in WORK from one call to the next, and tells what was reached.
"""

import argparse
import base64
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import junit

ROOT = pathlib.Path(__file__).resolve().parents[1]
CORPUS = ROOT / "test" / "fuzz" / "corpus"
# Executions of the bounded run, about five seconds each, and the part of a longer run's time.
TARGETS = {"rx": (30000, 3), "tx": (30000, 3), "vhost_user": (12000, 3), "devargs": (300000, 1),
           "pci": (300000, 1)}
# A bound for slow machines, not a goal; reaching it is no failure.
TEST_SECONDS = 20
# What hangs ends, on a busy machine too; a process may have that many megabytes.
LIMITS = ["-timeout=150", "-rss_limit_mb=2048", "-print_final_stats=1"]
TELLING = re.compile(r"ERROR: |runtime error: |^\S+\.c:\d+: |SUMMARY: |^    #\d+ .*/pvq/|ALARM: ")
DATA_PATH = ["burst*", "kernel_*", "ring.*", "rxq.c", "txq.c", "tx_list.c", "vq.c", "queue.h",
             "net_hdr.h", "gate.h"]
CONTROL_PATH = ["device*", "vhost_user*", "transport_*", "devargs.c", "ethdev*", "stats.c",
                "intr.c", "notify.c", "pci_*"]

running = set()


def program(build, target):
    return os.path.join(build, "test", "fuzz", f"fuzz_{target}")


def run(command, limit=None, **env):
    """Run a command to its end; returns (status, output)."""
    proc = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, env={**os.environ, **env},
                            start_new_session=True)
    running.add(proc)
    try:
        output, _ = proc.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(proc.pid, signal.SIGKILL)
        output, _ = proc.communicate()
        output += f"\nERROR: no end within {limit} s\n".encode()
    finally:
        running.discard(proc)
    return proc.returncode, output.decode(errors="replace")


def stop(*_):
    for proc in list(running):
        try:
            os.killpg(proc.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    os._exit(143)


def options(target):
    words = CORPUS / f"{target}.dict"
    return [*LIMITS, *([f"-dict={words}"] if words.exists() else [])]


def fuzz(build, target, folders, artifacts, more, limit=None):
    """Run a fuzzer; returns (status, output, reproducers)."""
    os.makedirs(artifacts, exist_ok=True)
    before = set(os.listdir(artifacts))
    status, output = run([program(build, target), *map(str, folders), *options(target), *more,
                          f"-artifact_prefix={artifacts}/"], limit)
    found = sorted(set(os.listdir(artifacts)) - before)
    return status, output, [os.path.join(artifacts, name) for name in found]


def explain(status, output, found):
    """A failed run in a few lines: what, where, and the input that does it."""
    lines = [line for line in output.splitlines() if TELLING.search(line)][:10]
    if not lines:
        lines = output.splitlines()[-10:]
    for path in found:
        data = pathlib.Path(path).read_bytes()
        lines.append(f"{os.path.basename(path)}, {len(data)} bytes in base64: "
                     + base64.b64encode(data).decode())
    return "\n".join([f"exit status {status}", *lines])


def test_target(build, target):
    """Replay and a bounded run; returns the results."""
    runs, _ = TARGETS[target]
    results = []
    with tempfile.TemporaryDirectory(prefix="pvq-fuzz-") as folder:
        grown = os.path.join(folder, "grown")
        os.mkdir(grown)
        files = [path for path in (CORPUS / target).iterdir()]
        for name, folders, more in (
                ("corpus", files, []),
                ("run", [grown, CORPUS / target],
                 [f"-runs={runs}", f"-max_total_time={TEST_SECONDS}", "-seed=1"])):
            status, output, found = fuzz(build, target, folders, os.path.join(folder, name), more,
                                         10 * TEST_SECONDS)
            # Nothing to replay would replay without failure.
            failed = status != 0 or not files
            results.append(junit.Result("fuzz", f"{target}_{name}",
                                        junit.FAILED if failed else junit.PASSED,
                                        explain(status, output, found) if failed else ""))
            done = re.search(r"number_of_executed_units: (\d+)", output)
            print(f"   fuzz {target} {name}: {'failed' if failed else 'passed'}, "
                  f"{done.group(1) if done else len(files)} executions", flush=True)
    return results


def test(args):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = [result for found in pool.map(lambda target: test_target(args.build, target),
                                                TARGETS) for result in found]
    junit.write(args.results, "fuzz", results)
    return any(result.outcome == junit.FAILED for result in results)


def grow_target(args, target, seconds):
    """Run a fuzzer on every processor; returns a line of the table and the reproducers."""
    corpus = args.work / target / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    (CORPUS / target).mkdir(parents=True, exist_ok=True)
    began = time.monotonic()

    def one(number):
        # A crash ends a process but not the time.
        parts = []
        while not parts or (left := seconds - (time.monotonic() - began)) > 1:
            left = seconds if not parts else left
            parts.append(fuzz(args.build, target, [corpus, CORPUS / target],
                              str(args.work / target / f"found{number}"),
                              [f"-max_total_time={int(left)}", "-reload=1"], seconds + 300))
            if len(parts) > 20:
                break
        return parts

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = [part for several in pool.map(one, range(os.cpu_count())) for part in several]
    took = time.monotonic() - began
    text = "".join(output for _, output, _ in parts)
    done = sum(map(int, re.findall(r"number_of_executed_units: (\d+)", text)))
    found = [path for _, _, paths in parts for path in paths]
    for status, output, paths in parts:
        if status != 0:
            print(f"\n{target}: {explain(status, output, paths)}", flush=True)
    smaller = args.work / target / "minimised"
    shutil.rmtree(smaller, ignore_errors=True)
    smaller.mkdir()
    _, merged, _ = fuzz(args.build, target, [smaller, corpus, CORPUS / target],
                        str(args.work / target / "merge"), ["-merge=1"])
    shutil.rmtree(corpus)
    shutil.copytree(smaller, corpus)
    told = re.search(r"MERGE-OUTER: \d+ new files with (\d+) new features added; (\d+) new cov",
                     merged)
    features, edges = told.groups() if told else ("?", "?")
    return (target, done, int(done / took), features, edges, len(os.listdir(corpus)),
            len(found)), found


def update(args, target):
    """Replace the repository's corpus by as few inputs as reach the same edges."""
    here = CORPUS / target
    for path in here.iterdir():
        # What has another name is there for a reason.
        if re.fullmatch(r"[0-9a-f]{40}", path.name):
            path.unlink()
    fuzz(args.build, target, [here, args.work / target / "corpus"],
         str(args.work / target / "merge"), ["-set_cover_merge=1", "-use_counters=0", "-use_cmp=0"])
    sizes = [path.stat().st_size for path in here.iterdir()]
    print(f"test/fuzz/corpus/{target}: {len(sizes)} files, {sum(sizes)} bytes")


def table(head, rows):
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(str(cell).ljust(width) if i == 0 else str(cell).rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))).rstrip())


def tool(name):
    for candidate in (name, name + "-14"):
        if shutil.which(candidate):
            return candidate
    sys.exit(f"error: no {name}; Debian's package is llvm")


def coverage(args, targets):
    """What the minimised corpora reach, file by file."""
    raw = []
    for target in targets:
        files = [str(path) for path in (args.work / target / "corpus").iterdir()]
        for at in range(0, len(files), 1000):
            raw.append(str(args.work / f"{target}-{at}.profraw"))
            run([program(args.coverage, target), *files[at:at + 1000]], LLVM_PROFILE_FILE=raw[-1])
    data = str(args.work / "all.profdata")
    subprocess.run([tool("llvm-profdata"), "merge", "-sparse", "-o", data, *raw], check=True)
    programs = [program(args.coverage, target) for target in targets]
    text = subprocess.run(
        [tool("llvm-cov"), "export", "-summary-only", f"-instr-profile={data}", programs[0],
         *(part for one in programs[1:] for part in ("-object", one))],
        check=True, stdout=subprocess.PIPE).stdout
    files = {pathlib.Path(one["filename"]): one["summary"]
             for one in json.loads(text)["data"][0]["files"]}
    for title, patterns in (("data path", DATA_PATH), ("control path", CONTROL_PATH)):
        rows, sums = [], [0, 0, 0, 0]
        for path, summary in sorted(files.items()):
            if path.parent.name != "pvq" or not any(path.match(one) for one in patterns):
                continue
            counts = [summary[kind][what] for kind in ("lines", "branches")
                      for what in ("covered", "count")]
            sums = [a + b for a, b in zip(sums, counts)]
            rows.append((path.name, *shares(counts)))
        print()
        table((title, "lines", "%", "branches", "%"), [*rows, ("all", *shares(sums))])


def shares(counts):
    cells = []
    for covered, count in zip(counts[::2], counts[1::2]):
        cells += [f"{covered}/{count}", f"{100 * covered / count:.1f}" if count else "-"]
    return cells


def grow(args):
    targets = [args.target] if args.target else list(TARGETS)
    weights = sum(TARGETS[target][1] for target in targets)
    rows, found = [], []
    for target in targets:
        seconds = int(args.minutes * 60 * TARGETS[target][1] / weights)
        print(f"   {target}: {seconds} s on {os.cpu_count()} processors", flush=True)
        row, paths = grow_target(args, target, max(1, seconds))
        rows.append(row)
        found += paths
    print()
    table(("target", "executions", "exec/s", "features", "edges", "inputs", "crashes"), rows)
    if args.update:
        for target in targets:
            update(args, target)
    if args.coverage:
        coverage(args, targets)
    for path in found:
        print(f"reproducer: {path}")
    return bool(found)


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("test")
    one.add_argument("build")
    one.add_argument("results")
    one = commands.add_parser("grow")
    one.add_argument("build")
    one.add_argument("work", type=pathlib.Path)
    one.add_argument("--minutes", type=float, required=True)
    one.add_argument("--target", choices=TARGETS)
    one.add_argument("--coverage", help="build folder of programs that count lines")
    one.add_argument("--update", action="store_true",
                     help="replace the corpora of the repository by what covers most")
    args = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    return 1 if (test if args.command == "test" else grow)(args) else 0


if __name__ == "__main__":
    sys.exit(main())
