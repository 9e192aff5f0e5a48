# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""What the system tests run: a net_pvq port and a net_vhost port, in one testpmd or in two."""

import os
import re
import stat
import tempfile
import time

import pytest

from testpmd import Testpmd, TestpmdError

NO_HUGE = ("--no-huge", "-m", "256")
# sun_path of unix(7), the terminating zero included.
SOCKET_PATH_MAX = 108
MAX_BURST = 32


def plugin():
    """The plugin under test."""
    path = os.environ.get("PVQ_PLUGIN")
    if not path:
        pytest.fail("PVQ_PLUGIN does not name librte_net_pvq.so")
    return os.path.abspath(path)


def program():
    """The testpmd to run."""
    return os.environ.get("PVQ_TESTPMD") or "dpdk-testpmd"


def forced(eal):
    """EAL's arguments with PVQ_TEST_ISA, if that is set, as devarg isa= of all our ports."""
    isa = os.environ.get("PVQ_TEST_ISA")
    return [f"{arg},isa={isa}" if isa and arg.startswith("net_pvq") and "isa=" not in arg else arg
            for arg in eal]


def lcores(forwarding, first=0):
    """EAL's arguments for a main lcore and `forwarding` others, on the processors that there are.

    first: number of the main lcore; processes that share memory must not share numbers.
    """
    cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    return ["--lcores", f"({first}-{first + forwarding})@({cpus})", "--main-lcore", str(first)]


def eventually(condition, timeout=10, every=0.02):
    """Ask until the condition holds or the time is over; returns the last answer."""
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer or time.monotonic() > deadline:
            return answer
        time.sleep(every)


def settles(value, timeout=10, quiet=0.3):
    """Wait until value() has stayed the same for a while; returns whether it did."""
    deadline = time.monotonic() + timeout
    last, since = value(), time.monotonic()
    while time.monotonic() - since < quiet:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
        now = value()
        if now != last:
            last, since = now, time.monotonic()
    return True


class Box:
    """A folder of one test, the processes started for it, and the proof that they left nothing."""

    def __init__(self, log_folder=None):
        self.folder = tempfile.mkdtemp(prefix="pvq-")
        self.pmds = []
        self.closers = []
        self._log_folder = log_folder
        assert len(self.path("x" * 20)) < SOCKET_PATH_MAX, "TMPDIR is too long for sockets"

    def path(self, name):
        """A file of this test."""
        return os.path.join(self.folder, name)

    def testpmd(self, *eal, app=(), cores=1, first_lcore=0, memory=NO_HUGE, pvq=True, start=True,
                **more):
        """Start a testpmd without PCI; `cores` lcores forward."""
        args = [*lcores(cores, first_lcore), "--no-pci", *memory]
        if pvq:
            args += ["-d", plugin()]
        log = self.path(f"testpmd{len(self.pmds)}.log")
        pmd = Testpmd([*args, *forced(eal)], [f"--nb-cores={cores}", "--total-num-mbufs=4096", *app],
                      log=log, program=program(), **more)
        self.pmds.append(pmd)
        return pmd.start() if start else pmd

    def refused(self, *eal, **more):
        """Start a testpmd that must not get as far as its prompt; returns what it printed."""
        pmd = self.testpmd(*eal, start=False, **more)
        with pytest.raises(TestpmdError):
            pmd.start()
        return pmd.output()

    def quit(self):
        """Let every process that still runs leave by itself, front-ends first."""
        for pmd in reversed(self.pmds):
            status = pmd.quit()
            assert status in (None, 0), f"testpmd ended with status {status}\n{pmd.tail()}"

    def close(self):
        """End everything by force and remove the folder; returns what should not have been."""
        for closer in reversed(self.closers):
            closer()
        for pmd in self.pmds:
            pmd.kill9()
        left = _processes(self.folder) + _mounts(self.folder)
        for base, _, names in os.walk(self.folder, topdown=False):
            for name in names:
                path = os.path.join(base, name)
                if stat.S_ISSOCK(os.lstat(path).st_mode):
                    left.append(f"socket {path}")
                os.unlink(path)
            os.rmdir(base)
        return left

    def logs(self):
        """The end of what every process printed."""
        return "\n".join(f"---- {' '.join(pmd.argv)}\n{pmd.tail(40)}" for pmd in self.pmds)


def _processes(folder):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) == os.getpid():
            continue
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if folder + "/" in command:
            found.append(f"process {pid}: {command}")
    return found


def _mounts(folder):
    with open("/proc/self/mounts", encoding="utf-8") as file:
        return [f"mount {line.split()[1]}" for line in file
                if line.split()[1].startswith(folder + "/")]


class Link:
    """A net_pvq port and the net_vhost port at the other end: process and port number of each."""

    def __init__(self, pvq, pvq_port, vhost, vhost_port):
        self.pvq = pvq
        self.pvq_port = pvq_port
        self.vhost = vhost
        self.vhost_port = vhost_port

    @property
    def pmds(self):
        """The processes: one, or the vhost side and then ours."""
        return (self.pvq,) if self.pvq is self.vhost else (self.vhost, self.pvq)

    def command(self, line):
        """A command to every process."""
        for pmd in self.pmds:
            pmd.command(line)

    def wait_up(self):
        """Wait for the link at both ends."""
        self.pvq.wait_link(self.pvq_port)
        self.vhost.wait_link(self.vhost_port)

    def counts(self):
        """((sent by pvq, seen by vhost), (sent by vhost, seen by pvq))"""
        ours, theirs = self.pvq.stats(self.pvq_port), self.vhost.stats(self.vhost_port)
        return ((ours["tx_packets"], theirs["rx_packets"]),
                (theirs["tx_packets"], ours["rx_packets"]))

    def flows(self, packets=1000, timeout=30):
        """Wait until pvq has received and sent that many packets more than now."""
        first = self.pvq.stats(self.pvq_port)

        def moved():
            now = self.pvq.stats(self.pvq_port)
            return all(now[name] - first[name] >= packets for name in ("rx_packets", "tx_packets"))
        return eventually(moved, timeout)

    def drain(self, timeout=5):
        """Stop forwarding and take what is on the way; returns counts()."""
        dropped = 0
        for pmd in self.pmds:
            totals = pmd.stop()["all"]
            dropped += totals["rx_dropped"] + totals["tx_dropped"]
        mode = forward_mode(self.pvq)
        self.command("set fwd rxonly")
        self.command("start")
        eventually(lambda: all(sent == seen for sent, seen in self.counts()), timeout)
        for pmd in self.pmds:
            pmd.stop()
        self.command(f"set fwd {mode}")
        assert dropped == 0, f"testpmd dropped {dropped} packets"
        return self.counts()

    def run(self, mode="io", packets=20000, bursts=3):
        """Forward in a mode from fresh counters until so many have gone each way, then drain.

        Asserts that every packet sent was seen; returns counts().
        """
        self.command(f"set fwd {mode}")
        self.command("clear port stats all")
        self.command("clear port xstats all")
        for pmd in self.pmds[:-1]:
            pmd.command("start")
        self.pvq.command(f"start tx_first {bursts}")
        assert self.flows(packets), f"no traffic: {self.counts()}\n{self.pvq.tail()}"
        counts = self.drain()
        for sent, seen in counts:
            assert sent == seen and sent >= packets, f"(sent, seen) {counts}"
        return counts


def forward_mode(pmd):
    """testpmd's present forwarding mode."""
    return re.search(r"^(\S+) packet forwarding", pmd.command("show config fwd"), re.M).group(1)


def one_process(box, pvq="", vhost="", app=(), **more):
    """net_vhost (port 0) and net_pvq (port 1) in one testpmd, forwarding between them."""
    sock = box.path("s")
    pmd = box.testpmd("--vdev", f"net_vhost0,iface={sock}{vhost}",
                      "--vdev", f"net_pvq0,path={sock}{pvq}", app=app, **more)
    link = Link(pmd, 1, pmd, 0)
    link.wait_up()
    return link


def two_processes(box, pvq="", vhost="", app=(), vhost_app=None, memory=NO_HUGE, cores=1,
                  server=False):
    """The same in two testpmds, each sending back what it receives; the backend starts first."""
    sock = box.path("s")
    backend = start_vhost(box, vhost + (",client=1" if server else ""),
                          app if vhost_app is None else vhost_app, cores=cores)
    front = box.testpmd("--vdev", f"net_pvq0,path={sock}{pvq}" + (",server=1" if server else ""),
                        app=app, memory=memory, cores=cores)
    link = Link(front, 0, backend, 0)
    link.wait_up()
    return link


def start_vhost(box, vhost="", app=(), cores=1, extra=()):
    """The backend of two_processes() alone; extra: more of EAL's arguments."""
    return box.testpmd("--vdev", f"net_vhost0,iface={box.path('s')}{vhost}", *extra, app=app,
                       cores=cores, pvq=False)


def pool_missing(pmd, pool="mb_pool_0"):
    """Mbufs of a pool that are neither in it nor in a cache."""
    info = pmd.telemetry(f"/mempool/info,{pool}")
    if "common_pool_count" not in info:  # DPDK 22.11
        text = pmd.command(f"dump_mempool {pool}")
        info = {name: int(value) for name, value in
                re.findall(r"^ *(size|common_pool_count|total_cache_count)=(\d+)", text, re.M)}
    return info["size"] - info["common_pool_count"] - info["total_cache_count"]
