# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Every way in which EAL can get its memory, seen by a backend in another process."""

import re

import pytest

import frames
import hugepages
import pyvhost
from loopback import RETRY, loop_back
from rig import eventually, one_process, pool_missing, start_vhost

# Who reserves pages counts what is free, so nobody else may do so meanwhile.
pytestmark = pytest.mark.xdist_group("hugepages")

# A page of 2 MB is a region of its own unless all share one file, and net_vhost takes 8 regions;
# testpmd without mbufs needs 7.
FEW_PAGES = ["-m", "2"]
FEW_MBUFS = ["--total-num-mbufs=1025", "--mbuf-size=1152", "--mbcache=16", "--max-pkt-len=1000",
             "--rxd=128", "--txd=128"]
ENOUGH = ["-m", "64"]

HUGETLBFS = {
    "hugetlbfs-single-file": [*ENOUGH, "--single-file-segments"],
    "hugetlbfs-file-per-page": FEW_PAGES,
    "legacy-mem": ["-m", "16", "--legacy-mem", "--iova-mode=va"],
    "huge-unlink": [*FEW_PAGES, "--huge-unlink"],
}
ANONYMOUS = {
    "in-memory-single-file": [*ENOUGH, "--in-memory", "--single-file-segments"],
    "in-memory-file-per-page": [*FEW_PAGES, "--in-memory"],
}


# What a net_vhost logs when it is told of memory: DPDK's has slots from 26.03 on.
TOLD = re.compile("read message VHOST_USER_(SET_MEM_TABLE|ADD_MEM_REG|REM_MEM_REG)")
TOO_MANY = re.compile(r"net_pvq0: EAL's memory makes (\d+) regions and the backend takes 8: (.*)$",
                      re.M)


def huge_args(box, mode):
    if mode in HUGETLBFS:
        return [*HUGETLBFS[mode], "--huge-dir", hugepages.mount(box), "--file-prefix",
                box.folder.rpartition("-")[2]]
    return ANONYMOUS[mode]


def traffic(box, memory):
    sent = frames.make(5000, range(60, 1000), seed=7)
    loop_back(box, sent, memory=memory, app=FEW_MBUFS)


@pytest.mark.parametrize("mode", [[], ["-m", "512"]], ids=["default", "512"])
def test_no_huge(box, mode):
    traffic(box, ["--no-huge", *(mode or ["-m", "128"])])


@pytest.mark.parametrize("mode", [*HUGETLBFS, *ANONYMOUS])
def test_hugepages(box, mode):
    hugepages.reserve(box, 64)
    memory = huge_args(box, mode)
    if "--single-file-segments" not in memory:
        probe = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}", memory=memory,
                            app=FEW_MBUFS)
        pages = probe.command("dump_physmem", check=False).count("Segment ") or \
            probe.command("dump physmem", check=False).count("Segment ")  # from DPDK 25.11 on
        assert probe.quit() == 0 and pages > 0
        if pages > 8:
            pytest.skip(f"this testpmd needs {pages} pages for itself, and net_vhost takes 8")
    traffic(box, memory)


@pytest.mark.parametrize("mode", ["hugetlbfs", "in-memory", "legacy-mem"])
def test_more_regions_than_the_backend_takes(box, mode):
    """No crash, no link, and a message that says what to do."""
    hugepages.reserve(box, 64)
    memory = ENOUGH + (["--in-memory"] if mode == "in-memory" else
                       ["--huge-dir", hugepages.mount(box)])
    if mode == "legacy-mem":
        memory += ["--legacy-mem", "--iova-mode=va"]
    start_vhost(box)
    front = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}", memory=memory)
    match = TOO_MANY.search(front.output())
    assert match and int(match.group(1)) > 8, front.output()
    assert "--single-file-segments" in match.group(2)
    assert not front.link_up(0)


def test_more_regions_with_memory_slots(box):
    """A backend that has slots is told region by region, and can read and write all of them."""
    hugepages.reserve(box, 64)
    backend = pyvhost.Backend(box.path("s"), slots=64)
    box.closers.append(backend.close)
    front = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}",
                        memory=["-m", "64", "--in-memory"])
    front.wait_link(0)
    front.command("start tx_first 4")
    assert eventually(lambda: front.stats(0)["rx_packets"] > 5000)
    front.stop()
    front.command("port stop 0")
    assert backend.most_regions > 8
    assert pool_missing(front) == 0
    assert pyvhost.SET_MEM_TABLE not in backend.requests
    assert front.quit() == 0
    assert backend.error is None and backend.looped > 5000


def test_memory_added_and_removed_at_run_time(box):
    """Other ports with the largest rings make EAL ask for pages while the first one forwards."""
    hugepages.reserve(box, 128)
    link = one_process(box, memory=["--in-memory", "--single-file-segments", *FEW_PAGES],
                       app=FEW_MBUFS)
    pmd, others = link.pvq, (2, 3, 4)
    for other in others:
        pmd.command(f"port attach net_pvq{other},path={box.path('none')}")
        pmd.command(f"port start {other}")
    pmd.command("set portlist 0,1")
    pmd.command("set fwd io retry")  # while the backend learns of it, nothing is sent
    pmd.command(RETRY)
    pmd.command("clear port stats all")
    pmd.command("start tx_first 2")
    for size in (32768, 64, 32768, 64, 32768):
        since = pmd.mark()
        for other in others:
            pmd.command(f"port stop {other}")
            pmd.command(f"port config {other} rxq 0 ring_size {size}")
            pmd.command(f"port config {other} txq 0 ring_size {size}")
            pmd.command(f"port start {other}")
        assert link.flows(), pmd.output(since)
        assert eventually(lambda: TOLD.search(pmd.output(since))), "no memory was added or removed"
    for sent, seen in link.drain():
        assert sent == seen
