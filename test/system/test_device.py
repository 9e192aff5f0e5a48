# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""The device model as the other end: numbered packets there and back, and every rule checked.

It uses buffers in any order, late or many at once, asks for notifications in every way, and fills
what has no meaning with junk. None of that may cost a packet, a byte or an mbuf.
"""

import itertools
import os
import socket
import struct
import time

import pytest

from device import Device
from rig import eventually, pool_missing

PACKETS = 20000
COMPLETIONS = {
    "fifo": [], "reverse": ["completion=reverse"], "shuffle": ["completion=shuffle", "seed=5"],
    "batch-3": ["completion=batch", "batch=3"], "batch-all": ["completion=batch"],
    "delay": ["delay=40"], "shuffle-delay": ["completion=shuffle", "delay=25"],
}
DIMENSIONS = {
    "completion": list(COMPLETIONS), "events": ["poll", "enable", "desc"],
    "in-order": [0, 1], "mrg-rxbuf": [0, 1], "indirect": [0, 1], "event-idx": [0, 1],
}


def possible(case):
    """Whether a combination means something: only in order are there batches, and no others."""
    how = case["completion"]
    return not (case["in-order"] and ("shuffle" in how or "reverse" in how)
                or not case["in-order"] and "batch" in how
                or case["events"] == "desc" and not case["event-idx"])


def pairs_of(case):
    """All pairs of two dimensions' values in a case."""
    return set(itertools.combinations(case.items(), 2))


def pairwise():
    """Few cases in which every possible pair of values occurs."""
    every = [case for values in itertools.product(*DIMENSIONS.values())
             if possible(case := dict(zip(DIMENSIONS, values)))]
    missing = set().union(*map(pairs_of, every))
    chosen = []
    while missing:
        best = max(every, key=lambda case: len(pairs_of(case) & missing))
        chosen.append(best)
        missing -= pairs_of(best)
    return chosen


CASES = pairwise()


def name_of(case):
    """For instance batch-3,desc,in-order,event-idx."""
    flags = [name for name, value in case.items() if value == 1]
    return ",".join([case["completion"], case["events"], *flags])


@pytest.fixture(scope="module")
def fronts(module_box):
    """Two testpmds that send back what they receive: mbufs that hold a packet, or a quarter."""
    apps = {"large": ["--rxd=200", "--txd=150"],
            "small": ["--rxd=256", "--txd=512", "--mbuf-size=512", "--enable-scatter",
                      "--tx-offloads=0x8000"]}
    started = {}

    def front(mbufs):
        if mbufs not in started:
            path = module_box.path(mbufs)
            started[mbufs] = module_box.testpmd("--vdev", f"net_pvq_{mbufs},path={path}",
                                                app=apps[mbufs])
            started[mbufs].path = path
            started[mbufs].command("start")
        return started[mbufs]
    return front


def nothing_lost(pmd, device, packets=PACKETS):
    """All that was sent is back as it was, the driver did nothing wrong, and has its mbufs."""
    assert eventually(lambda: device.pair()["returned"] >= packets, 30), device.stats()
    assert device.pair() == {"sent": packets, "returned": packets, "lost": 0, "again": 0,
                             "damaged": 0}
    stats = pmd.stats(0)
    assert stats["rx_errors"] == stats["tx_errors"] == 0
    pmd.command("stop")
    pmd.command("port stop 0")
    assert pool_missing(pmd) == 0
    device.check()
    pmd.command("port start 0")
    pmd.command("start")


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_every_policy(module_box, fronts, case):
    """Every pair of policy, notifications and features; junk in all that has no meaning."""
    pmd = fronts("small" if case["mrg-rxbuf"] else "large")
    features = ("in-order", "mrg-rxbuf", "indirect", "event-idx")
    device = Device(module_box, "mode=generate", "poison", "window=40", f"limit={PACKETS}",
                    *COMPLETIONS[case["completion"]], f"events={case['events']}",
                    *(f"{name}={case[name]}" for name in features), path=pmd.path)
    try:
        device.wait_live()
        assert {name: device.negotiated(name) for name in features} == {
            name: bool(case[name]) for name in features}
        nothing_lost(pmd, device)
    finally:
        device.kill()  # if it still runs: in the way of the next one


def test_two_pairs_there_and_back(box):
    """Pairs do not mix, and what testpmd sends by itself comes back to it."""
    device = Device(box, "mode=echo", "queues=2", "poison")
    pmd = box.testpmd("--vdev", f"net_pvq0,path={device.path}",
                      app=["--rxq=2", "--txq=2", "--rxd=37", "--txd=67"])
    device.wait_live(4)
    pmd.command("start tx_first")
    assert eventually(lambda: all(ring["packets"] > 2000 for ring in device.stats()["vrings"]))
    pmd.command("stop")
    pmd.command("port stop 0")
    assert pool_missing(pmd) == 0
    device.check()


def states(pid):
    """The states of all threads of a process."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat", encoding="ascii") as file:
            found.append(file.read().rpartition(")")[2].split()[0])
    return found


def test_the_device_sleeps_when_idle(box):
    """With packets that nobody takes, too."""
    device = Device(box, "mode=generate", "events=desc")
    box.testpmd("--vdev", f"net_pvq0,path={device.path}")
    device.wait_live()
    assert eventually(lambda: device.pair()["sent"] > 0)
    seen = []
    for _ in range(40):
        time.sleep(0.01)
        seen.append("R" in states(device.pid))
    assert sum(seen) < 20, "the device spins"
    device.check()


def test_a_breach_has_a_name_and_a_status(box):
    """A driver of five lines sets up a ring that is not there, of a size that cannot be."""
    device = Device(box, "mode=sink")
    with socket.socket(socket.AF_UNIX) as driver:
        driver.connect(device.path)
        for index, size in ((2, 256), (0, 32769)):
            driver.sendall(struct.pack("<IIIII", 8, 1, 8, index, size))
        assert eventually(lambda: len(device.violations()) == 2)
    status, violations = device.end()
    assert status == 1
    assert [line.split()[0].rstrip(":") for line in violations] == ["VU", "PR-03"], violations
