# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Ports come and go at run time."""

import re

import pytest

from rig import Link, eventually, pool_missing


def attach(pmd, devargs):
    """Plug a device in; returns its port number."""
    text = pmd.command(f"port attach {devargs}", timeout=30)
    return int(re.search(r"Port (\d+) is attached", text).group(1))


def detach(pmd, port):
    """Stop and unplug a port."""
    pmd.command(f"port stop {port}")
    assert "is detached" in pmd.command(f"port detach {port}", timeout=30)


@pytest.mark.parametrize("mode", ["client", "server"])
def test_attached_and_detached_again_and_again(box, mode):
    """Each time with traffic in between, and without a loss."""
    ends = {"client": ("", ""), "server": (",client=1", ",server=1")}[mode]
    sock = box.path("s")
    pmd = box.testpmd("--vdev", f"net_vhost0,iface={sock}{ends[0]}")
    threads, files = pmd.threads(), pmd.files()
    for cycle in range(10):
        port = attach(pmd, f"net_pvq{cycle},path={sock}{ends[1]}")
        pmd.command(f"port start {port}")
        link = Link(pmd, port, pmd, 0)
        link.wait_up()
        pmd.command(f"set portlist 0,{port}")
        link.run(packets=5000)
        detach(pmd, port)
        pmd.wait_link(0, up=False)
        # What the backend's port has sent last stays in its cache until it sends again.
        assert pool_missing(pmd) == 0
        assert pmd.telemetry("/pvq/list") == []
    assert eventually(lambda: pmd.threads() == threads)
    assert eventually(lambda: pmd.files() == files)


def test_several_ports(box):
    """Four ports with a backend each, one of them unplugged while the others forward."""
    socks = [box.path(f"s{index}") for index in range(4)]
    pmd = box.testpmd(*(arg for index, sock in enumerate(socks)
                        for arg in ("--vdev", f"net_vhost{index},iface={sock}")),
                      *(arg for index, sock in enumerate(socks)
                        for arg in ("--vdev", f"net_pvq{index},path={sock}")),
                      app=["--total-num-mbufs=16384"], cores=2)
    links = [Link(pmd, 4 + index, pmd, index) for index in range(4)]
    for link in links:
        link.wait_up()
    assert pmd.telemetry("/pvq/list") == [4, 5, 6, 7]
    pmd.command("set portlist 0,4,1,5,2,6,3,7")
    pmd.command("clear port stats all")
    pmd.command("start tx_first 1")
    for link in links:
        assert link.flows()
    for sent, seen in links[0].drain():
        assert sent == seen
    for link in links[1:]:
        for sent, seen in link.counts():
            assert sent == seen > 1000
    pmd.command("set portlist 0,4,1,5,2,6")
    pmd.command("start tx_first 1")
    detach(pmd, 7)
    assert attach(pmd, f"net_pvq9,path={socks[3]}") == 7
    pmd.command("port start 7")
    links[3].wait_up()
    for link in links[:3]:
        assert link.flows()
    links[0].drain()
    pmd.command("set portlist 3,7")
    links[3].run()
