#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""The endurance test; soak.sh prepares it.

A program of test/soak sends through two net_pvq ports and verifies every byte that comes back. The
other ends are stock dpdk-testpmds with net_vhost, one for each port, that send back what they
receive. A seed decides what is done to them meanwhile: backends are killed and started again, ports
and queues are stopped, set up anew, unplugged, and memory comes and goes, while threads read
counters. From time to time everything is stopped, and what was allocated is compared.
"""

import argparse
import concurrent.futures
import os
import random
import re
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "test", "system"))
from soak_parts import PAIRS, PORTS, Backend, Refused, Telemetry, Traffic  # noqa: E402

# Anonymous memory that may have been added by the end: libc keeps some of what it was given back.
GROWTH_KB = 2048
# What EAL's heap may add to an object, in bytes.
SPLINTER = 256
# The devices' arguments: one connects and one is connected to, and they take different paths.
DEVARGS = ("queues=4", "queues=4,server=1,in_order=0")
# All queues, since a port keeps the eventfds of those that it has once had.
STANDARD = f"{PAIRS} 256 256"
RING_SIZES = (64, 96, 128, 200, 256, 333, 512)
# Seconds for what ought to happen at once, on a machine that may be busy.
PATIENCE = 60
ENOENT, ENOMEM, EBUSY, ENOSPC, ENOLINK = 2, 12, 16, 28, 67
# A control call may fail like this when the backend dies under it, or is too slow: EIO, EPROTO,
# ECONNRESET, ETIMEDOUT.
BROKEN = (5, 71, 104, 110)
LIED = re.compile(r"queue \d+ stopped: the device|does not leave its burst")
# On a busy machine a backend may not answer in time. It may then still write to the rings, and the
# driver gives their mbufs up.
SLOW = re.compile(r"did not answer")
HANGS = re.compile(r"hangs with the rings")


class Soak:
    """The run: actions, checks and the account."""

    def __init__(self, args, folder, memory):
        self.args = args
        self.rng = random.Random(args.seed)
        self.pool = concurrent.futures.ThreadPoolExecutor(len(PORTS))
        paths = [os.path.join(folder, f"{port}.sock") for port in PORTS]
        self.traffic = Traffic(args, folder, memory, [
            f"path={path},{devargs}" for path, devargs in zip(paths, DEVARGS)])
        self.backends = [Backend(path, "server=1" in devargs, args.testpmd, self.pool)
                         for path, devargs in zip(paths, DEVARGS)]
        self.telemetry = Telemetry(folder)
        self.actions = {}
        self.violations = []
        self.samples = []
        self.leaked = 0
        self.slow = 0
        self.stopped = {}  # (port, "rxq" or "txq", queue) -> when to start it again
        self.linkless = {}  # port -> when to set its link up again
        self.pairs = {port: 1 for port in PORTS}

    # -- words ----------------------------------------------------------------------------------

    def say(self, text):
        """A line of the report."""
        print(f"   {text}", flush=True)

    def note(self, name):
        """Count an action."""
        self.actions[name] = self.actions.get(name, 0) + 1

    def violation(self, text):
        """What must not be."""
        self.violations.append(text)
        print(f"   VIOLATION: {text}", flush=True)

    def do(self, line, allowed=()):
        """A command that must succeed, or fail with one of the numbers allowed."""
        try:
            self.traffic.command(line)
        except Refused as error:
            if error.number not in allowed:
                self.violation(f"\"{line}\": {error}")
            return False
        return True

    # -- actions --------------------------------------------------------------------------------

    def kill(self, port):
        """kill -9 of a backend, sometimes in the middle of a control call."""
        self.do(f"disturb {port}")
        line = None
        if self.rng.random() < 0.3 and not self.stopped:
            line = self.rng.choice([f"mtu {port} 1400", f"link {port} on", f"txq {port} 0 start",
                                    f"rxq {port} 0 start"])
            self.traffic.send(line)
        self.backends[port].kill(self.rng.random() * 2)
        if line:
            try:
                self.traffic.reply()
            except Refused as error:
                if error.number not in BROKEN:
                    self.violation(f"\"{line}\" while the backend died: {error}")
            self.note("backend killed in a control call")
        self.do(f"disturb {port}")
        self.note("backend killed")

    def queue(self, port):
        """Stop a queue, to be started soon."""
        way = self.rng.choice(["rxq", "txq"])
        queue = self.rng.randrange(self.pairs[port])
        if (port, way, queue) in self.stopped:
            return
        if not self.do(f"{way} {port} {queue} stop", allowed=BROKEN):
            return
        self.stopped[port, way, queue] = time.monotonic() + self.rng.random()
        self.note("queue stopped and started")

    def link(self, port):
        """Set the link down, to be up again soon."""
        if port not in self.linkless:
            self.do(f"link {port} off")
            self.linkless[port] = time.monotonic() + self.rng.random()
            self.note("link set down and up")

    def forget(self, port):
        """A port that stops has its queues and its link up when it starts again."""
        self.stopped = {key: due for key, due in self.stopped.items() if key[0] != port}
        self.linkless.pop(port, None)

    def restart(self, port):
        self.do(f"stop {port}")
        self.forget(port)
        self.do(f"start {port}")
        self.note("port stopped and started")

    def random_setup(self):
        """Arguments of `setup`."""
        rng, flags = self.rng, []
        pairs = rng.randint(1, PAIRS)
        if rng.random() < 0.5:
            flags.append("scatter")
        if "scatter" in flags or rng.random() < 0.3:
            flags.append("multi")
        elif rng.random() < 0.5:
            flags.append("fast")
        if rng.random() < 0.5:
            flags.append("extra")
        return pairs, f"{pairs} {rng.choice(RING_SIZES)} {rng.choice(RING_SIZES)} {' '.join(flags)}"

    def set_up(self, port):
        """Other queues, ring sizes and offloads; the port is stopped."""
        self.pairs[port], text = self.random_setup()
        self.do(f"setup {port} {text}")
        self.do(f"start {port}")

    def reconfigure(self, port):
        self.do(f"stop {port}")
        self.forget(port)
        self.set_up(port)
        self.note("port set up anew")

    def replug(self, port):
        """Unplug the device and plug it in again."""
        self.do(f"stop {port}")
        self.forget(port)
        with self.telemetry.lock:
            self.do(f"unplug {port}")
            self.do(f"plug {port}")
        self.set_up(port)
        self.note("device unplugged and plugged in")

    def mtu(self, port):
        self.do(f"mtu {port} {self.rng.randint(68, 1500)}", allowed=BROKEN)
        self.note("MTU changed")

    def mac(self, port):
        tail = ":".join(f"{self.rng.randrange(256):02x}" for _ in range(5))
        self.do(f"mac {port} 02:{tail}")
        self.note("MAC address changed")

    def filters(self, port):
        for name in ("promisc", "allmulti"):
            self.do(f"{name} {port} {self.rng.choice(['on', 'off'])}")
        self.note("promiscuous and allmulticast changed")

    def interrupts(self, port):
        self.do(f"intr {port} {self.rng.choice(['on', 'off'])}")
        self.note("rx interrupts switched")

    def memory(self, _port):
        """Memory is added or removed: a pool, or a block of some megabytes."""
        # No room for more, none left, not enough memory, in use: as may be.
        kind = self.rng.choice(["pool", "block"])
        if self.rng.random() < 0.5:
            done = self.do(f"{kind} make {self.rng.randint(1, 16) << 20}", allowed=(ENOSPC, ENOMEM))
        else:
            done = self.do(f"{kind} free", allowed=(ENOENT, EBUSY))
        if done:
            self.note(f"{kind} made or freed")

    CHOICES = {kill: 8, queue: 14, link: 5, restart: 4, reconfigure: 4, replug: 2, mtu: 5, mac: 4,
               filters: 3, interrupts: 4, memory: 10}

    def tend(self):
        """What is due by now."""
        now = time.monotonic()
        for key, due in list(self.stopped.items()):
            if due <= now:
                # Once more, if the connection broke under it.
                if self.do("{} {} {} start".format(key[1], key[0], key[2]), allowed=BROKEN):
                    del self.stopped[key]
        for port, due in list(self.linkless.items()):
            if due <= now:
                self.do(f"link {port} on")
                del self.linkless[port]
        for port in PORTS:
            self.backends[port].start_when_due(now)

    def act(self):
        """One action, and a moment of peace."""
        port = self.rng.choice(PORTS)
        action = self.rng.choices(list(self.CHOICES), list(self.CHOICES.values()))[0]
        if action is not Soak.kill or self.backends[port].pmd is not None:
            action(self, port)
        pause = time.monotonic() + self.rng.random() * 0.4
        while time.monotonic() < pause:
            self.tend()
            time.sleep(0.02)

    # -- checks ---------------------------------------------------------------------------------

    def wait(self, condition, seconds):
        """Whether it holds within that time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.tend()
            time.sleep(0.05)
        return True

    def link_up(self, port):
        return self.do(f"up? {port}", allowed=(ENOLINK,))

    def flows(self, port, first):
        return self.traffic.counts(port)["verified"] > first + 500

    def all_well(self):
        """Everything started again: all links come up, and traffic flows in every port."""
        if not self.wait(lambda: not self.stopped and not self.linkless and
                         all(backend.ready() for backend in self.backends), 2 * PATIENCE):
            self.violation("a backend does not start")
        for port in PORTS:
            first = self.traffic.counts(port)["verified"]
            if not self.wait(lambda p=port: self.link_up(p), PATIENCE):
                self.violation(f"the link of port {port} does not come up")
            elif not self.wait(lambda p=port, f=first: self.flows(p, f), PATIENCE):
                self.violation(f"no traffic in port {port}: {self.traffic.counts(port)}")

    def check(self):
        """Everything back to the beginning: nothing may be missing, nothing left over."""
        self.all_well()
        for port in PORTS:
            self.do(f"quiet {port} on")
        if not self.wait(lambda: self.traffic.counts()["in_flight"] == 0, PATIENCE):
            self.violation(f"frames do not come back: {self.traffic.counts()}")
        for port in PORTS:
            self.standard(port)
        hangs = len(self.traffic.log_lines(HANGS))
        for kind in ("pool", "block"):
            while self.do(f"{kind} free", allowed=(ENOENT, EBUSY) if hangs else (ENOENT,)):
                pass
        sample = {**self.traffic.sample(), "hangs": hangs}
        last = self.samples[-1] if self.samples else {"missing": 0, "hangs": 0}
        if sample["missing"] != last["missing"] and sample["hangs"] == last["hangs"]:
            self.leaked += sample["missing"] - last["missing"]
            self.violation(f"{sample['missing'] - last['missing']} mbufs are not in their pool")
        self.samples.append(sample)
        self.note("everything stopped and counted")

    def standard(self, port):
        """Stop a port and bring it into a state that can be compared: set up always alike."""
        self.do(f"intr {port} off")
        self.do(f"stop {port}")
        self.do(f"setup {port} {STANDARD}")
        self.do(f"start {port}")
        if not self.wait(lambda: self.link_up(port), PATIENCE):
            self.violation(f"the link of port {port} does not come up again")
        self.do(f"stop {port}")
        self.do(f"quiet {port} off")

    def progress(self, began):
        """A sign of life."""
        counts = self.traffic.counts()
        bad = sum(value for name, value in counts.items() if name.startswith("bad"))
        self.say(f"{(time.monotonic() - began) / 60:5.1f} min: {counts['verified']:,} frames "
                 f"verified, {counts['lost']:,} lost, {counts['duplicated']:,} twice, {bad} bad; "
                 f"{self.actions.get('backend killed', 0)} kills, "
                 f"{sum(self.actions.values())} actions, {len(self.samples)} checks")

    def run(self, seconds):
        """The whole of it."""
        began = time.monotonic()
        for port in PORTS:
            self.do(f"plug {port}")
            if port == 0:
                self.set_up(port)
        # One port is there before its backend and one after it.
        for backend in self.backends:
            backend.start()
        self.wait(self.backends[1].ready, PATIENCE)
        self.set_up(1)
        self.telemetry.start()
        every = min(90, max(5, seconds / 4))
        checked = told = began
        while time.monotonic() - began < seconds and not self.broken():
            self.act()
            now = time.monotonic()
            if now - checked > every:
                self.check()
                for port in PORTS:
                    self.set_up(port)
                checked = time.monotonic()
            if now - told > 60:
                self.progress(began)
                told = now
        if self.broken():
            return
        self.check()
        self.compare()
        for port in PORTS:
            self.do(f"unplug {port}")

    def broken(self):
        """Whether it makes no sense to go on."""
        return len(self.violations) > 20 or self.traffic.proc.poll() is not None

    def compare(self):
        """The last sample with the one after the warm-up, or after the last backend that hung."""
        last = self.samples[-1]
        first = [sample for sample in self.samples[len(self.samples) // 10:]
                 if sample["hangs"] == last["hangs"]][0]
        for name in ("zones", "objects", "threads", "files"):
            if first[name] != last[name]:
                self.violation(f"{name}: {first[name]} after the warm-up and {last[name]} at the "
                               "end")
        # Not to the byte: what is too little to be split off stays with its neighbour.
        if last["allocated"] > first["allocated"] + first["objects"] * SPLINTER:
            self.violation(f"EAL's heap grew from {first['allocated']} to {last['allocated']} bytes")
        if last["anon_kb"] > first["anon_kb"] + GROWTH_KB:
            self.violation(f"anonymous memory grew from {first['anon_kb']} to {last['anon_kb']} kB")

    def finish(self):
        """The last accounts; the processes end."""
        counts = {}
        try:
            counts = self.traffic.counts()
        except (OSError, RuntimeError, ValueError, Refused):
            pass  # it has crashed, or we were interrupted in the middle of a command
        try:
            for name, value in counts.items():
                if name.startswith("bad") and value:
                    self.violation(f"{value} times {name}")
            if not counts.get("lost") and self.args.minutes >= 5:
                self.violation("no frame was lost: the disturbances disturb nothing")
            self.telemetry.ended.set()
            self.telemetry.join(15)
        finally:
            status = self.traffic.end()
            for backend in self.backends:
                backend.end()
            self.pool.shutdown()
        if status != 0:
            self.violation(f"the program ended with status {status}")
        for line in self.traffic.log_lines(LIED):
            self.violation(line)
        self.slow = len(self.traffic.log_lines(SLOW))
        return counts

    def report(self, counts, seconds):
        """The figures."""
        samples = self.samples
        rows = [("run", f"{seconds / 60:.1f} min, seed {self.args.seed}")]
        rows += [(f"frames {name.replace('_', ' ')}", f"{counts.get(name, 0):,}") for name in (
            "sent", "verified", "lost", "duplicated", "late", "reordered", "bad_content",
            "bad_duplicate", "bad_loss", "bad_order", "bad_stall")]
        rows += [(name, f"{value:,}") for name, value in sorted(self.actions.items())]
        rows += [("counters read by threads", f"{counts.get('reads', 0):,}"),
                 ("telemetry answers", f"{self.telemetry.answers:,}"),
                 ("memory added or removed by EAL", f"{counts.get('memory_events', 0):,}"),
                 ("wake-ups by rx interrupt", f"{counts.get('wakeups', 0):,}")]
        if samples:
            given_up = samples[-1]["missing"]
            rows += [("backends too slow to answer", str(self.slow)),
                     ("of those, with the rings in their hands", f"{samples[-1]['hangs']}, with "
                      f"{given_up} mbufs given up on purpose"),
                     ("mbufs leaked", f"{self.leaked}, counted {len(samples)} times")]
            rows += [(words, f"{samples[0][name]:,} at first, "
                      f"{max(sample[name] for sample in samples):,} at most, "
                      f"{samples[-1][name]:,} at the end") for name, words in (
                          ("anon_kb", "anonymous memory, kB"), ("objects", "objects in EAL's heap"),
                          ("allocated", "bytes in EAL's heap"), ("zones", "memzones"),
                          ("threads", "threads"), ("files", "open files"))]
        rows.append(("violations", str(len(self.violations))))
        width = max(len(name) for name, _ in rows)
        print("\n" + "\n".join(f"{name:<{width}}  {value}" for name, value in rows), flush=True)


def main(argv=None):
    parser = argparse.ArgumentParser(description="Run net_pvq under load and disturb it.")
    parser.add_argument("--minutes", type=float, default=60, help="how long")
    parser.add_argument("--seed", type=int, default=1, help="what decides about actions")
    parser.add_argument("--program", required=True, help="the program of test/soak")
    parser.add_argument("--plugin", required=True, help="librte_net_pvq.so")
    parser.add_argument("--testpmd", default="dpdk-testpmd", help="the backends' testpmd")
    parser.add_argument("--eal", default="--no-huge -m 384", help="EAL's memory arguments")
    parser.add_argument("--log", help="a file for all that the program prints")
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="pvq-soak-") as folder:
        soak = Soak(args, folder, args.eal.split())
        began = time.monotonic()
        try:
            soak.run(args.minutes * 60)
        except BaseException as error:
            soak.violation(f"{type(error).__name__}: {error}")
            if not isinstance(error, Exception):
                raise
        finally:
            counts = soak.finish()
            soak.report(counts, time.monotonic() - began)
        if soak.violations:
            print("\n" + "\n".join(f"VIOLATION: {text}" for text in soak.violations))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
