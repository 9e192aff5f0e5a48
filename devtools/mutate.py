#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Put one mistake after another into the driver, and see whether a test fails for each.

    mutate.py [--only ID[,ID...]] [--jobs N] [--results FOLDER] [--sdk-headers FOLDER]
              [--work FOLDER] [--record]
    mutate.py --list | --check

The mistakes, called mutants, are in test/mutation; mutants.py tells their format. Each is made in a
copy of the tree, in a temporary folder; what it changes is built anew, and tests run until one
fails: first those that the mutant names, then all others of the suites unit, diff and order. A test
that does not end in time has failed. A test counts only if it passes without the mutant.

  --only LIST       only these mutants; ID may be a pattern such as rx-*
  --jobs N          mutants at the same time (default: processors)
  --results FOLDER  where results.json and table.txt go (default: build/mutation)
  --work FOLDER     copy and build there, and leave it for the next time
  --sdk-headers F   as meson's option sdk_headers
  --record          write which test has caught each into test/mutation/caught.json
  --list            the mutants, without trying them
  --check           only whether each mutant fits the source, exactly once
"""

import argparse
import collections
import contextlib
import fnmatch
import json
import os
import pathlib
import queue
import shutil
import signal
import sys
import tempfile
import threading
import time

import mutants
from mutant_tree import BuildFailed, Tree

CAUGHT, SURVIVED, BROKEN, SKIPPED, EQUAL = "caught", "SURVIVED", "NOT BUILT", "skipped", "equivalent"

Outcome = collections.namedtuple("Outcome", "what by seconds")


class Honest:
    """Which tests pass in the tree as it is: no others can catch anything."""

    def __init__(self, tree):
        self.tree = tree
        self.lock = threading.Lock()
        self.known = {}

    def passes(self, kind, name):
        """Run a test without any mutant, the first time it is asked for."""
        with self.lock:
            if (kind, name) not in self.known:
                reason = self.tree.run_test(kind, name)
                if reason is not None:
                    print(f"!! fails without a mutant, so it does not count: {reason}", flush=True)
                self.known[kind, name] = reason is None
        return self.known[kind, name]


def named(mutant, names):
    """Names of the tests that the mutant's patterns stand for, in their order."""
    return list(dict.fromkeys(name for pattern in mutant.tests
                              for name in fnmatch.filter(names, pattern)))


def attempt(mutant, tree, honest):
    """Build and test one mutant: with the tests that it names, and if need be with all."""
    kind = mutant.build
    every = list(tree.tests[kind])
    first = named(mutant, every)
    try:
        for quick, names in ((True, first), (False, first + [n for n in every if n not in first])):
            tree.change(mutant)
            try:
                if not quick:
                    tree.spoil(kind)
                for name in names:
                    if quick:
                        tree.spoil(kind, name)
                    reason = tree.run_test(kind, name)
                    if reason is not None and honest.passes(kind, name):
                        return CAUGHT, reason
            finally:
                tree.restore()
        return SURVIVED, ""
    except BuildFailed as error:
        return BROKEN, str(error)


def processor_has(flag):
    """Whether all code for a flag of /proc/cpuinfo can run here."""
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return f" {flag} " in text.replace("\n", " ")


def end_children(how):
    """Signal what builds and tests for us; each is a process group of its own."""
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                os.killpg(int(stat.parent.name), how)


def try_all(chosen, jobs, folder, options):
    """Try mutants, several at the same time. @return outcomes by id."""
    outcomes, todo, errors = {}, queue.SimpleQueue(), []
    for mutant in chosen:
        if mutant.proof:
            outcomes[mutant.id] = Outcome(EQUAL, mutant.proof, 0)
        elif mutant.cpu and not processor_has(mutant.cpu):
            outcomes[mutant.id] = Outcome(SKIPPED, f"the processor has no {mutant.cpu}", 0)
        else:
            todo.put(mutant)
    count = todo.qsize()
    base = Tree(os.path.join(folder, "as-it-is"), options)
    base.fill()
    for kind in sorted({mutant.build for mutant in chosen}):
        base.build(kind)
    honest = Honest(base)
    trees = []
    for number in range(min(jobs, count)):
        shutil.rmtree(os.path.join(folder, f"worker-{number}"), ignore_errors=True)
        trees.append(base.copy(os.path.join(folder, f"worker-{number}")))

    def work(tree):
        try:
            while not errors:
                mutant = todo.get_nowait()
                began = time.monotonic()
                what, by = attempt(mutant, tree, honest)
                outcomes[mutant.id] = Outcome(what, by, round(time.monotonic() - began, 1))
                done = count - todo.qsize()
                print(f"{done:4}/{count} {what:9} {mutant.id}  {by.splitlines()[0] if by else ''}"
                      f"  ({outcomes[mutant.id].seconds} s)", flush=True)
        except queue.Empty:
            pass
        except BaseException as error:  # pylint: disable=broad-except
            errors.append(error)

    threads = [threading.Thread(target=work, args=(tree,), daemon=True) for tree in trees]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)
    except BaseException as error:
        errors.append(error)
        # ninja ends what it has started only when it is asked to end.
        end_children(signal.SIGTERM)
        time.sleep(0.5)
        for thread in threads:
            while thread.is_alive():
                end_children(signal.SIGKILL)
                thread.join(0.1)
    if errors:
        raise errors[0]
    return outcomes


def table(chosen, outcomes):
    """The result as text."""
    lines = [f"{mutant.id:36} {outcomes[mutant.id].what:10} {mutant.rows:22} "
             f"{(outcomes[mutant.id].by.splitlines() or [''])[0][:100]}" for mutant in chosen]
    counts = collections.Counter(outcome.what for outcome in outcomes.values())
    tried = counts[CAUGHT] + counts[SURVIVED] + counts[BROKEN]
    lines += ["", f"{counts[CAUGHT]} of {tried} mutants caught, {counts[SURVIVED]} survived, "
              f"{counts[BROKEN]} did not build; {counts[EQUAL]} are equivalent, "
              f"{counts[SKIPPED]} skipped"]
    return "\n".join(lines)


def record(chosen, outcomes, known):
    """Which test has caught each, for the guides; what was not tried stays as it was."""
    path = mutants.LISTS / "caught.json"
    caught = json.loads(path.read_text(encoding="utf-8"))
    for mutant in chosen:
        caught.pop(mutant.id, None)
        if outcomes[mutant.id].what == CAUGHT:
            caught[mutant.id] = outcomes[mutant.id].by.splitlines()[0]
    path.write_text(json.dumps({mutant.id: caught[mutant.id] for mutant in known
                                if mutant.id in caught}, indent=1) + "\n", encoding="utf-8")


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("--only", default="*")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--results", default=str(mutants.ROOT / "build" / "mutation"))
    parser.add_argument("--sdk-headers", default="")
    parser.add_argument("--work", default="")
    for flag in ("--list", "--check", "--record"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("-h", "--help", action="store_true")
    return parser.parse_args()


def choose(known, patterns):
    """The mutants that patterns name; each has to name one."""
    chosen = set()
    for pattern in patterns.split(","):
        names = fnmatch.filter([mutant.id for mutant in known], pattern)
        if not names:
            raise mutants.Stale(f"no mutant {pattern}")
        chosen.update(names)
    return [mutant for mutant in known if mutant.id in chosen]


def run_all(args, chosen, known):
    """Try the chosen of the known mutants, print and write what came of it. @return exit status."""
    options = [f"-Dsdk_headers={args.sdk_headers}"] if args.sdk_headers else []
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = args.work or stack.enter_context(
            tempfile.TemporaryDirectory(prefix="pvq-mutate-"))
        outcomes = try_all(chosen, max(1, args.jobs), folder, options)
    text = table(chosen, outcomes)
    print(f"\n{text}\n{time.monotonic() - began:.0f} s")
    results = pathlib.Path(args.results)
    results.mkdir(parents=True, exist_ok=True)
    (results / "table.txt").write_text(text + "\n", encoding="utf-8")
    (results / "results.json").write_text(json.dumps({
        "score": text.splitlines()[-1],
        "mutants": {mutant.id: outcomes[mutant.id]._asdict() for mutant in chosen},
    }, indent=1) + "\n", encoding="utf-8")
    if args.record:
        record(chosen, outcomes, known)
    return int(any(outcome.what in (SURVIVED, BROKEN) for outcome in outcomes.values()))


def main():
    args = arguments()
    if args.help:
        print(__doc__)
        return 0
    # Leaving in order is what removes the temporary folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        known = mutants.load()
        chosen = choose(known, args.only)
        wrong = mutants.stale(chosen)
    except mutants.Stale as error:
        wrong = [str(error)]
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    if args.check:
        print(f"{len(chosen)} mutants fit the source")
        return 0
    if args.list:
        for mutant in chosen:
            print(f"{mutant.id:36} {mutant.at:44} {mutant.rows:22} {mutant.breaks}")
        return 0
    return run_all(args, chosen, known)


if __name__ == "__main__":
    sys.exit(main())
