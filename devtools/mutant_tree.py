# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""A copy of the project in which a mutant is built and tested."""

import json
import os
import pathlib
import shutil
import signal
import subprocess

import junit
import mutants
import unit

SUITES = ("unit", "diff", "order")
# Tests of the device model alone: no mistake of the driver shows there.
MODEL = ("device_", "vhu_")
# Seconds that a test may take with a mutant in it; without, all are done in half of that.
TEST_LIMIT = 60
BUILD_LIMIT = 3600
# Operations of a test of suite diff, and the seed: the same result each time.
DIFF_OPS = 400000
DIFF_SEED = 1
MESON = {
    "plain": ["--buildtype=plain", "-Doptimization=1"],
    "asan": ["-Db_sanitize=address,undefined", "-Db_lundef=false", "--buildtype=debugoptimized"],
}
SANITIZER_ENV = {
    "ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}
ISAS = ("avx2", "avx512")
# Files of the driver that tests of queues alone never run.
SLOW_PATH = ("device", "device_features", "device_queue", "device_rings", "ethdev", "ethdev_hooks",
             "ethdev_queue", "ethdev_recycle", "intr", "probe", "secondary", "stats", "telemetry",
             "transport_vhost_user", "vhost_user_mem", "vhost_user_msg", "vhost_user_sock",
             "vhost_user_thread")
NOT_COPIED = (".git", "build", "build-*", "__pycache__", ".pytest_cache", "*.pyc")


class BuildFailed(Exception):
    """What ninja or meson said."""


def run(command, log, limit=BUILD_LIMIT):
    """Run a command of the build; its output goes behind the others in a file."""
    with open(log, "a+b") as output:
        begin = output.tell()
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                              stderr=subprocess.STDOUT, start_new_session=True) as process:
            try:
                status = process.wait(limit)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        if status:
            output.seek(begin)
            lines = output.read().decode(errors="replace").splitlines()
            errors = [line for line in lines if "error" in line.lower()] or lines[-5:]
            raise BuildFailed("\n".join(errors[:5]))


class Tree:
    """A copy of the project with its build folders."""

    def __init__(self, folder, options):
        self.folder = pathlib.Path(folder)
        self.source = self.folder / "source"
        self.options = options
        self.tests = {}
        self.changed = None
        self.spoilt = set()

    def fill(self):
        """Copy the project; what is there already, and the same, stays as old as it is."""
        def copy(source, target):
            source, target = pathlib.Path(source), pathlib.Path(target)
            if not target.exists() or target.read_bytes() != source.read_bytes():
                shutil.copy(source, target)

        shutil.copytree(mutants.ROOT, self.source, dirs_exist_ok=True, copy_function=copy,
                        ignore=shutil.ignore_patterns(*NOT_COPIED))

    def copy(self, folder):
        """Copy all of this, build folders included: what is built need not be built again."""
        other = Tree(folder, self.options)
        shutil.copytree(self.folder, other.folder, symlinks=True)
        for kind, tests in self.tests.items():
            path = other.folder / kind / "build.ninja"
            status = path.stat()
            path.write_text(path.read_text(encoding="utf-8").replace(
                str(self.folder), str(other.folder)), encoding="utf-8")
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
            other.tests[kind] = json.loads(json.dumps(tests).replace(
                str(self.folder), str(other.folder)))
        return other

    def build(self, kind):
        """Build all tests, in a folder that may be there already."""
        build = self.folder / kind
        if not (build / "build.ninja").exists():
            run(["meson", "setup", str(build), str(self.source), "-Dtests=true", *MESON[kind],
                 *self.options], self.folder / "build.log")
        tests = [test for test in unit.tests_of(str(build), None)
                 if set(unit.suites_of(test)) & set(SUITES)
                 and not test["name"].startswith(MODEL)]
        for test in tests:
            test["timeout"] = min(test["timeout"], TEST_LIMIT)
            if "--ops" in test["cmd"]:
                test["cmd"][test["cmd"].index("--ops") + 1] = str(DIFF_OPS)
                test["cmd"] += ["--seed", str(DIFF_SEED)]
        self.tests[kind] = {test["name"]: test for test in tests}
        self._ninja(kind, self.tests[kind])

    def _ninja(self, kind, names):
        programs = {os.path.relpath(self.tests[kind][name]["cmd"][0], self.folder / kind)
                    for name in names}
        run(["ninja", "-C", str(self.folder / kind), *sorted(programs)],
            self.folder / "build.log")

    def change(self, mutant):
        """Make a mutant's change. What is built does not seem to be older; see spoil()."""
        path = self.source / mutants.file_of(mutant)
        text = path.read_text(encoding="utf-8")
        self.changed = path, text, path.stat()
        self._write(path, mutants.apply(mutant, text))

    def _write(self, path, text):
        status = self.changed[2]
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def restore(self):
        """Undo the change; what was built with it is built anew when it is needed."""
        self._write(*self.changed[:2])
        for path in self.spoilt:
            path.unlink(missing_ok=True)
        self.spoilt.clear()

    def _dependents(self, kind):
        """Objects that were made with the changed file."""
        build = self.folder / kind
        text = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], stdout=subprocess.PIPE,
                              text=True, check=True).stdout
        for block in text.split("\n\n"):
            head, *needs = block.splitlines() or [""]
            if any(os.path.normpath(build / one.strip()) == str(self.changed[0])
                   for one in needs):
                yield head.partition(": #deps")[0]

    def spoil(self, kind, name=None):
        """
        Have what depends on the changed file built again: all of it, or what test `name` runs.
        """
        for one in self._dependents(kind):
            path = self.folder / kind / one
            if path not in self.spoilt and (name is None or runs(name, one)):
                self.spoilt.add(path)
                path.unlink(missing_ok=True)

    def run_test(self, kind, name):
        """Build what a test needs and run it. @return why it failed, None if it did not."""
        test = self.tests[kind][name]
        self._ninja(kind, [name])
        if kind == "asan":
            test = {**test, "env": {**test.get("env", {}), **SANITIZER_ENV}}
        failed = [result for result in unit.run_test(test, "mutant", [])
                  if result.outcome == junit.FAILED]
        if not failed:
            return None
        first = failed[0]
        if first.name == name:
            words = [line for line in first.message.splitlines() if line.strip()]
            return f"{name}: {words[0] if words else 'failed'}"
        return f"{name}: {first.name}"


def runs(name, path):
    """
    Whether an object built with a mutant may matter to a test. A guess that saves time: for mutants
    that a test so chosen does not catch, everything is built.
    """
    stem = pathlib.Path(path).name.split(".")[0]
    for isa in ISAS:
        if isa in path:
            return isa in name
    if path.startswith("test/order/"):
        return name.startswith("order_")
    if path.startswith("test/"):
        return f"test_{name}.p/" in path or (stem == "ring_env" and name.startswith(("ring", "seed")))
    if name.startswith("ring"):
        return stem == "ring"
    return not name.startswith("order_") and (name.startswith(("port", "pci")) or
                                               stem not in SLOW_PATH)
