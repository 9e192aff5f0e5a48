# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""A secondary process attaches to the port and polls queues of its own."""

import os

import pytest

import hugepages
from rig import eventually, start_vhost

pytestmark = pytest.mark.xdist_group("hugepages")

# EAL shares memory between processes by the files of a hugetlbfs, so these need hugepages.
MEGABYTES = 128


class Pair:
    """A primary process with queue pair 0, and secondaries with queue pair 1."""

    def __init__(self, box):
        hugepages.reserve(box, MEGABYTES)
        self.box = box
        self.memory = ["-m", "64", "--single-file-segments", "--huge-dir", hugepages.mount(box)]
        self.primary = self.start(0, "--vdev", f"net_pvq0,path={box.path('s')}")

    def start(self, number, *eal):
        env = {"RUNTIME_DIRECTORY": self.primary.runtime_dir} if number else {}
        return self.box.testpmd(
            "--proc-type", "secondary" if number else "primary", *eal, memory=self.memory, env=env,
            first_lcore=2 * number,
            app=["--rxq=2", "--txq=2", "--num-procs=2", f"--proc-id={number}"])


def moves(pmd, queue):
    """Whether packets go through a queue pair, as seen by one process."""
    def packets():
        xstats = pmd.xstats(0)
        return [xstats[f"{way}_q{queue}_packets"] for way in ("rx", "tx")]
    first = packets()
    return eventually(lambda: all(now > then + 1000 for now, then in zip(packets(), first)))


def load(*pmds):
    for pmd in pmds:
        pmd.command("set fwd flowgen")
        pmd.command("start")


def backend(box):
    vhost = start_vhost(box, ",queues=2", app=["--rxq=2", "--txq=2"])
    load(vhost)
    return vhost


def test_secondary_polls(box):
    backend(box)
    pair = Pair(box)
    for _ in range(3):
        secondary = pair.start(1)
        secondary.wait_link(0)
        assert "net_pvq" in secondary.command("show port info 0")
        load(pair.primary, secondary)
        for pmd in (pair.primary, secondary):
            for queue in (0, 1):
                assert moves(pmd, queue)
        assert secondary.burst_mode(0) == pair.primary.burst_mode(0)
        secondary.stop()
        assert secondary.quit() == 0
        assert moves(pair.primary, 0)
        pair.primary.stop()


def test_backend_killed_under_a_secondary(box):
    """The rings that another process polls are set up again under its hands."""
    vhost = backend(box)
    pair = Pair(box)
    secondary = pair.start(1)
    load(pair.primary, secondary)
    for _ in range(5):
        assert moves(pair.primary, 0) and moves(secondary, 1)
        vhost.kill9()
        pair.primary.wait_link(0, up=False)
        assert not secondary.link_up(0)
        os.unlink(box.path("s"))
        vhost = backend(box)
        pair.primary.wait_link(0)
    assert moves(pair.primary, 0) and moves(secondary, 1)
    assert secondary.link_up(0)
    assert secondary.xstats(0)["reconnects"] == 5
    secondary.stop()


@pytest.mark.parametrize("how", ["quit", "killed"])
def test_primary_outlives_the_secondary(box, how):
    backend(box)
    pair = Pair(box)
    secondary = pair.start(1)
    load(pair.primary, secondary)
    assert moves(secondary, 1)
    if how == "quit":
        secondary.stop()
        assert secondary.quit() == 0
    else:
        secondary.kill9()
    assert moves(pair.primary, 0)
    pair.primary.stop()
    text = pair.primary.command("port stop 0", timeout=20)
    # One that died inside a burst may have left its ring half written: it is left alone.
    if how == "killed" and "does not leave its burst" in text:
        return
    pair.primary.command("port start 0")
    assert pair.primary.link_up(0)
