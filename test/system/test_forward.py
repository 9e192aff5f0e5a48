# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Packets go both ways, and every counter agrees on how many."""

import pytest

from rig import one_process, two_processes

TOPOLOGIES = {"one-process": one_process, "two-processes": two_processes}


@pytest.mark.parametrize("mode", ["io", "mac"])
@pytest.mark.parametrize("where", TOPOLOGIES)
def test_forwards_without_loss(box, where, mode):
    link = TOPOLOGIES[where](box)
    link.run(mode, packets=100000)


def test_counters_agree(box):
    """Port counters, queue counters, xstats and the peer's counters tell the same story."""
    link = one_process(box, app=["--rxq=2", "--txq=2"], vhost=",queues=2")
    (sent, _), (_, received) = link.run(packets=50000)
    stats = link.pvq.stats(link.pvq_port)
    xstats = link.pvq.xstats(link.pvq_port)
    for way, packets in (("rx", received), ("tx", sent)):
        assert packets == xstats[f"{way}_good_packets"] == sum(
            xstats[f"{way}_q{queue}_packets"] for queue in range(2))
        assert stats[f"{way}_bytes"] == xstats[f"{way}_good_bytes"] == 64 * packets
        assert stats[f"{way}_bytes"] == sum(xstats[f"{way}_q{queue}_bytes"] for queue in range(2))
        assert stats[f"{way}_errors"] == 0
        assert xstats[f"{way}_q0_packets"] > 0
    assert stats["rx_missed"] == stats["rx_nombuf"] == 0
    nonzero = {name: value for name, value in xstats.items()
               if value and ("error" in name or "drop" in name or "replay" in name)}
    assert not nonzero
    for queue in range(2):
        kept = xstats[f"tx_q{queue}_packets"] - xstats[f"tx_q{queue}_reclaimed"]
        assert 0 <= kept <= 512, "packets that no ring of this size can still hold"
    link.pvq.command("clear port stats all")
    assert link.pvq.stats(link.pvq_port)["rx_packets"] == 0
    link.pvq.command("clear port xstats all")
    assert not any(link.pvq.xstats(link.pvq_port).values())


@pytest.mark.parametrize("options", ["", ",in_order=0"], ids=["in-order", "any-order"])
def test_recycles_mbufs(box, options):
    """Sent mbufs go straight to the receive ring, where DPDK has rte_eth_recycle_mbufs()."""
    link = two_processes(box, pvq=options)
    if "Bad arguments" in link.pvq.command("set fwd recycle_mbufs", check=False):
        pytest.skip("this DPDK has no rte_eth_recycle_mbufs(): it came with 23.11")
    link.run("recycle_mbufs", packets=100000)
    xstats = link.pvq.xstats(link.pvq_port)
    assert xstats["tx_q0_recycled"] > 50000, "most mbufs went through the mempool"
