# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Two ports, a client and a server, and Open vSwitch between them."""

import os

import pytest

import frames
import ovs
from rig import Link, eventually

missing = [path for path in ovs.PROGRAMS if not os.path.exists(path)]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"no {' '.join(missing)}")

# As many as a ring holds: Open vSwitch drops what a ring has no room for.
BATCH = 200


def received(pmd):
    """Packets received by both ports."""
    return [pmd.stats(port)["rx_packets"] for port in (0, 1)]


class Setup:
    """A testpmd with both ports and a net_pcap port, and the switch."""

    def __init__(self, box):
        self.box = box
        self.switch = ovs.Switch(box.folder)
        box.closers.append(self.switch.close)
        self.switch.set_up()
        frames.write(box.path("in.pcap"), [])
        self.pmd = box.testpmd(
            "--vdev", f"net_pvq0,path={box.path('vh0')}",
            "--vdev", f"net_pvq1,path={box.path('vh1.sock')},server=1",
            "--vdev", f"net_pcap0,rx_pcap={box.path('in.pcap')},tx_pcap={box.path('out.pcap')}",
            app=["--no-flush-rx", "--port-topology=chained"])
        self.wait_up()

    def wait_up(self):
        """Wait for the links, and then for packets: OVS forwards a moment after it connects."""
        pmd = self.pmd
        for port in (0, 1):
            pmd.wait_link(port, timeout=20)
        pmd.command("set portlist 0,1")
        first = received(pmd)

        def both_ways():
            pmd.command("start tx_first 1")
            came = eventually(lambda: all(now > then for now, then in zip(received(pmd), first)), 1)
            pmd.stop()
            return came
        assert eventually(both_ways, 20)
        pmd.command("set fwd rxonly")
        pmd.command("start")
        assert eventually(lambda: received(pmd) == received(pmd))
        pmd.stop()
        pmd.command("set fwd io")

    def carry(self, source, target, seed):
        """Send frames into one port; assert that they leave the other whole and in order."""
        pmd = self.pmd
        sent = frames.make(BATCH, range(60, 1515), seed)
        frames.write(self.box.path("in.pcap"), sent)
        pmd.command("port stop 2")
        pmd.command("port start 2")
        pmd.command("clear port stats all")
        pmd.command(f"set portlist 2,{source},{target}")
        pmd.command("start")
        eventually(lambda: pmd.stats(2)["tx_packets"] >= BATCH)
        pmd.stop()
        stats = pmd.stats(target)
        pmd.command("port stop 2")
        frames.compare(sent, frames.read(self.box.path("out.pcap")))
        pmd.command("port start 2")
        assert stats["rx_packets"] == pmd.stats(source)["tx_packets"] == BATCH

    def circulate(self):
        """Let packets go round between the ports; none is lost."""
        pmd = self.pmd
        pmd.command("set portlist 0,1")
        link = Link(pmd, 0, pmd, 1)
        link.run(packets=50000, bursts=2)


def test_contents_both_ways_and_a_restart(box):
    """OVS is killed in the middle and started again: the ports go on as if nothing had been."""
    setup = Setup(box)
    for seed in range(3):
        setup.carry(0, 1, seed)
        setup.carry(1, 0, seed + 10)
    setup.circulate()
    pmd, switch = setup.pmd, setup.switch
    pmd.command("start tx_first 2")
    switch.kill9()
    for port in (0, 1):
        pmd.wait_link(port, up=False)
    switch.start()
    switch.add_flows()
    pmd.stop()
    setup.wait_up()
    assert pmd.xstats(0)["reconnects"] == pmd.xstats(1)["reconnects"] == 1
    for seed in range(20, 23):
        setup.carry(0, 1, seed)
        setup.carry(1, 0, seed + 10)
    setup.circulate()
