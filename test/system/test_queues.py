# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Queue pairs, ring sizes, and what is negotiated."""

import re

import pytest

import frames
import pyvhost
from loopback import loop_back
from rig import one_process, two_processes

ENOUGH = ("--no-huge", "-m", "512")

FEATURES = {"MRG_RXBUF": "mrg_rxbuf", "IN_ORDER": "in_order", "EVENT_IDX": "event_idx"}


def negotiated(pmd):
    """What the driver logged when it came up."""
    text = re.search(r"net_pvq0: up: .* features 0x[0-9a-f]+ \(([^)]*)\)", pmd.output()).group(1)
    return set(text.split())


@pytest.mark.parametrize("where", [one_process, two_processes])
@pytest.mark.parametrize("queues", [1, 4])
def test_every_queue_pair_carries_packets(box, where, queues):
    link = where(box, vhost=f",queues={queues}", app=[f"--rxq={queues}", f"--txq={queues}"],
                 cores=2)
    link.run(packets=50000)
    xstats = link.pvq.xstats(link.pvq_port)
    for queue in range(queues):
        assert xstats[f"rx_q{queue}_packets"] > 0
        assert xstats[f"tx_q{queue}_packets"] > 0
    assert f"up: {queues} rx and {queues} tx queues" in link.pvq.output()


def test_fewer_queues_than_the_backend_has(box):
    link = one_process(box, vhost=",queues=4", app=["--rxq=2", "--txq=2"])
    link.run()


def test_more_queues_than_the_backend_has(box):
    """The port starts, says what is wrong and waits for a better backend."""
    pmd = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}", app=["--rxq=2", "--txq=2"])
    backend = pyvhost.Backend(box.path("s"), queue_pairs=1)
    box.closers.append(backend.close)
    pmd.wait_for("the port is set up for 2 queue pairs and the backend has 1: configure fewer",
                 since=0)
    assert not pmd.link_up(0)


@pytest.mark.parametrize("in_order", [1, 0])
@pytest.mark.parametrize("size", [1, 2, 7, 64, 255, 257, 1024, 4096, 32768])
def test_ring_sizes(box, size, in_order):
    """From a single descriptor to the most that a packed ring can have, several laps each."""
    burst = max(1, min(32, size // 4))
    # With mergeable buffers rte_vhost never fills the last free one, which may be the only one.
    merge = int(size > 1)
    link = one_process(box, f",in_order={in_order},mrg_rxbuf={merge}", memory=ENOUGH,
                       app=[f"--rxd={size}", f"--txd={size}", f"--burst={burst}",
                            f"--total-num-mbufs={max(4096, 5 * size // 2)}"])
    link.run(packets=max(3000, 5 * size), bursts=1)
    assert f"Number of RXDs: {size}" in link.pvq.command("show rxq info 1 0")
    assert f"Number of TXDs: {size}" in link.pvq.command("show txq info 1 0")


@pytest.mark.parametrize("size", [64, 255, 257])
def test_chains_wrap_around_odd_rings(box, size):
    sent = frames.make(2000, [60, 1500, 4000, 9000], seed=size)
    loop_back(box, sent, ",in_order=0", [
        "--mbuf-size=1024", "--max-pkt-len=9018", "--enable-scatter", "--tx-offloads=0x8000",
        f"--rxd={size}", f"--txd={size}"])


@pytest.mark.parametrize("off", [(), ("MRG_RXBUF",), ("IN_ORDER",), ("EVENT_IDX",),
                                 ("MRG_RXBUF", "IN_ORDER", "EVENT_IDX")],
                         ids=lambda off: "-".join(off) or "none")
def test_features_turned_off(box, off):
    link = one_process(box, pvq="".join(f",{FEATURES[name]}=0" for name in off))
    features = negotiated(link.pvq)
    assert {"VERSION_1", "RING_PACKED"} <= features
    for name in FEATURES:
        assert (name in features) == (name not in off)
    rx, tx = link.pvq.burst_mode(link.pvq_port)
    assert ("mergeable" in rx) == ("MRG_RXBUF" not in off)
    assert ("in-order" in rx) == ("in-order" in tx) == ("IN_ORDER" not in off)
    link.run(packets=50000)
