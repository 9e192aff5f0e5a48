#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""The demonstration itself; demo.sh prepares it.

One dpdk-testpmd holds a net_pvq port and a net_virtio_user port, each joined to a net_vhost port
of the same process by a vhost-user socket. One lcore forwards what the driver under test receives
back to it and another does the same on the vhost side, so a fixed number of packets goes round and
round. The two drivers run in short turns, and after every turn the rings are emptied, so that every
packet sent by one side can be looked for on the other.
"""

import argparse
import os
import re
import signal
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "test", "system"))
from testpmd import Testpmd, TestpmdError  # noqa: E402

# testpmd sends bursts of 32 from each of the two ports to begin with.
FIRST_BURSTS = 3
IN_LOOP = 2 * FIRST_BURSTS * 32
RING_SIZE = 256
PACKET_SIZE = 64
# Short turns, so that what else the machine does falls on both drivers alike.
TURNS_A_SECOND = 4

# The virtio specification's names: bits of network devices, then of every device.
FEATURES = {
    0: "CSUM", 1: "GUEST_CSUM", 3: "MTU", 5: "MAC", 7: "GUEST_TSO4", 8: "GUEST_TSO6",
    11: "HOST_TSO4", 12: "HOST_TSO6", 15: "MRG_RXBUF", 16: "STATUS", 17: "CTRL_VQ", 22: "MQ",
    28: "INDIRECT_DESC", 29: "EVENT_IDX", 32: "VERSION_1", 33: "ACCESS_PLATFORM",
    34: "RING_PACKED", 35: "IN_ORDER", 36: "ORDER_PLATFORM",
}
# Not of the device but of the vhost-user connection.
PROTOCOL_FEATURES_BIT = 30


def read_number(path, default=0):
    """The number that a file of sysfs holds."""
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return default


def choose_cpus():
    """Up to three of the processors this process may use: whole cores of one package."""
    cpus = sorted(os.sched_getaffinity(0))
    chosen, seen, package = [], set(), None
    for cpu in cpus:
        topology = f"/sys/devices/system/cpu/cpu{cpu}/topology/"
        core = (read_number(topology + "physical_package_id"),
                read_number(topology + "core_id", cpu))
        if package is None:
            package = core[0]
        if core[0] == package and core not in seen:
            seen.add(core)
            chosen.append(cpu)
    if len(chosen) < 2:
        chosen = cpus
    return chosen[:3]


def lcore_args(cpus):
    """(EAL's arguments, testpmd's arguments) for an lcore at the prompt and those that forward.

    The prompt sleeps nearly all the time, so with two processors it shares one. On a single
    processor one lcore polls both ports: two would wait for each other's time slices.
    """
    if len(cpus) == 1:
        lcores, forwarding = f"0@{cpus[0]},1@{cpus[0]}", 1
    else:
        lcores, forwarding = f"0@{cpus[-1]},1@{cpus[0]},2@{cpus[1]}", 2
    return ["--lcores", lcores, "--main-lcore", "0"], [f"--nb-cores={forwarding}"]


class Side:
    """A driver under test, its port, and the net_vhost port it is joined to."""

    def __init__(self, name, devargs, vhost_port, port, socket):
        self.name = name
        self.devargs = devargs
        self.vhost_port = vhost_port
        self.port = port
        self.socket = socket
        self.features = 0
        self.modes = ("", "")
        self.rates = []
        self.to_vhost = 0
        self.from_vhost = 0
        self.lost = 0

    def attach(self, pmd):
        """Plug the port in, now that its backend listens, and start it."""
        since = pmd.mark()
        text = pmd.command(f"port attach {self.devargs},path={self.socket}", timeout=30)
        if "is attached" not in text:
            raise TestpmdError(f"testpmd cannot attach {self.devargs}\n{text}")
        pmd.command(f"port start {self.port}", timeout=30)
        pmd.wait_link(self.port)
        pmd.wait_link(self.vhost_port)
        found = re.findall(r"\(" + re.escape(self.socket) + r"\) negotiated Virtio features: "
                           r"(0x[0-9a-f]+)", pmd.output(since))
        if found:
            self.features = int(found[-1], 16) & ~(1 << PROTOCOL_FEATURES_BIT)
        self.modes = tuple(mode or "not reported" for mode in pmd.burst_mode(self.port))

    def feature_names(self):
        """What vhost says was negotiated."""
        return [FEATURES.get(bit, f"bit {bit}") for bit in range(64) if self.features >> bit & 1]

    def counters(self, pmd):
        """(sent by the driver, seen by vhost, sent by vhost, seen by the driver, dropped)"""
        ours, theirs = pmd.stats(self.port), pmd.stats(self.vhost_port)
        dropped = sum(stats[name] for stats in (ours, theirs)
                      for name in ("rx_errors", "rx_missed", "rx_nombuf", "tx_errors"))
        return (ours["tx_packets"], theirs["rx_packets"], theirs["tx_packets"],
                ours["rx_packets"], dropped)

    def turn(self, pmd, seconds):
        """Forward for a while, empty the rings, and add up."""
        pmd.command(f"set portlist {self.vhost_port},{self.port}")
        pmd.command("set fwd io")
        pmd.command("clear port stats all")
        pmd.command(f"start tx_first {FIRST_BURSTS}")
        began, first = time.monotonic(), pmd.stats(self.port)["rx_packets"]
        time.sleep(seconds)
        ended, last = time.monotonic(), pmd.stats(self.port)["rx_packets"]
        totals = pmd.stop()
        dropped = totals["all"]["tx_dropped"] + totals["all"]["rx_dropped"]
        pmd.command("set fwd rxonly")
        pmd.command("start")
        deadline = time.monotonic() + 2
        while True:
            sent, seen, returned, received, errors = self.counters(pmd)
            if (sent, returned) == (seen, received) or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        pmd.stop()
        self.rates.append((last - first) / (ended - began) / 1e6)
        self.to_vhost += seen
        self.from_vhost += received
        # A packet that the driver counted as sent twice would be as wrong as one that is gone.
        self.lost += abs(sent - seen) + abs(returned - received) + dropped + errors

    @property
    def rate(self):
        """Mpps each way, the median of all turns."""
        return statistics.median(self.rates)


def table(sides, intro):
    """The lines that the demonstration ends with."""
    rows = [("", *(side.name for side in sides))]
    names = [side.feature_names() for side in sides]
    for index in range(0, max(map(len, names)), 3):
        rows.append(("negotiated" if index == 0 else "",
                     *(" ".join(own[index:index + 3]) for own in names)))
    rows.append(("rx path", *(side.modes[0] for side in sides)))
    rows.append(("tx path", *(side.modes[1] for side in sides)))
    rows.append(("packets to vhost", *(f"{side.to_vhost:,}" for side in sides)))
    rows.append(("packets from vhost", *(f"{side.from_vhost:,}" for side in sides)))
    rows.append(("lost", *(f"{side.lost:,}" for side in sides)))
    rows.append(("Mpps each way", *(f"{side.rate:.2f}" for side in sides)))
    if len(sides) == 2 and sides[1].rate > 0:
        rows.append(("ratio", f"{sides[0].rate / sides[1].rate:.2f}", "1"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
             for row in rows]
    return "\n".join([intro, "", *lines])


def run(args, folder):
    """Run the demonstration in a folder of its own; returns the exit status."""
    cpus = choose_cpus()
    sockets = [os.path.join(folder, name) for name in ("pvq.sock", "virtio.sock")]
    eal, app = lcore_args(cpus)
    # A name with a folder in it, or EAL looks for a library on the system's path.
    eal += ["--no-pci", "--no-huge", "-m", "256", "-d", os.path.abspath(args.plugin)]
    for number, socket in enumerate(sockets):
        eal += ["--vdev", f"net_vhost{number},iface={socket},queues=1"]
    app += ["--port-topology=loop", "--total-num-mbufs=16384", f"--rxd={RING_SIZE}",
            f"--txd={RING_SIZE}"]
    sides = [Side("net_pvq", "net_pvq0", 0, 2, sockets[0]),
             Side("net_virtio_user", "net_virtio_user0,packed_vq=1", 1, 3, sockets[1])]
    pmd = Testpmd(eal, app, log=args.log, program=args.testpmd)
    pmd.start()
    try:
        version = pmd.telemetry("/info")["version"]
        # net_vhost listens from when its port is configured, and net_virtio_user must find it
        # listening, so both drivers are plugged in afterwards: the same way for both.
        for side in sides:
            side.attach(pmd)
            print(f"   {side.name} is up", flush=True)
        for line in re.findall(r"^.*net_pvq0: up.*$", pmd.output(), re.M):
            print(f"   log: {line.strip()}", flush=True)
        for second in range(args.seconds):
            for _ in range(TURNS_A_SECOND):
                for side in sides:
                    side.turn(pmd, 1 / TURNS_A_SECOND)
            print(f"   {second + 1:3}/{args.seconds} s", *(
                f"  {side.name} {statistics.mean(side.rates[-TURNS_A_SECOND:]):6.2f} Mpps"
                for side in sides), flush=True)
        # Front-ends first: some do not survive a backend that leaves before them.
        for side in sides:
            pmd.command(f"port stop {side.port}")
            pmd.command(f"port detach {side.port}")
        status = pmd.quit()
    except BaseException:
        pmd.kill9()
        raise
    intro = (f"One testpmd of {version}, {len(cpus)} processor{'s' if len(cpus) > 1 else ''}, "
             f"no hugepages, the other end is net_vhost.\n{IN_LOOP} packets of {PACKET_SIZE} bytes "
             f"in the loop, rings of {RING_SIZE}, medians of turns of {1 / TURNS_A_SECOND:g} s.")
    print()
    print(table(sides, intro), flush=True)
    ours = sides[0]
    good = ours.to_vhost > 0 and ours.from_vhost > 0 and ours.lost == 0
    if status:
        print(f"\nerror: testpmd ended with status {status}", file=sys.stderr)
    if not good:
        print("\nerror: net_pvq lost packets, or moved none", file=sys.stderr)
    return 0 if good and status == 0 else 1


def main():
    parser = argparse.ArgumentParser(description="Measure net_pvq beside net_virtio_user.")
    parser.add_argument("--seconds", type=int, default=5, help="seconds for each driver")
    parser.add_argument("--plugin", required=True, help="librte_net_pvq.so")
    parser.add_argument("--testpmd", default="dpdk-testpmd", help="the testpmd to run")
    parser.add_argument("--log", help="a file for all that testpmd prints")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory(prefix="pvq-demo-") as folder:
            return run(args, folder)
    except TestpmdError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
