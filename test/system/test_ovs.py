# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Two ports, a client and a server, and Open vSwitch between them."""

import os

import pytest

import frames
import ovs
from rig import Link, eventually, settles

missing = [path for path in ovs.PROGRAMS if not os.path.exists(path)]
# Every switch has a network device ovs-netdev, so there can be one at a time.
pytestmark = [pytest.mark.xdist_group("ovs"),
              pytest.mark.skipif(bool(missing), reason=f"no {' '.join(missing)}")]

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
        assert settles(lambda: received(pmd))
        pmd.stop()
        pmd.command("set fwd io")

    def wait_down(self):
        """Wait until the switch is gone from both ports."""
        for port in (0, 1):
            self.pmd.wait_link(port, up=False)

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


def there_and_back(setup, seed):
    """Frames and counts, both ways."""
    for batch in range(3):
        setup.carry(0, 1, seed + 2 * batch)
        setup.carry(1, 0, seed + 2 * batch + 1)
    setup.circulate()


def test_contents_both_ways_and_a_restart(box):
    """OVS is killed in the middle and started again: the ports go on as if nothing had been."""
    setup = Setup(box)
    there_and_back(setup, 100)
    setup.pmd.command("start tx_first 2")
    setup.switch.kill9()
    setup.wait_down()
    setup.switch.start()
    setup.switch.add_flows()
    setup.pmd.stop()
    setup.wait_up()
    for port in (0, 1):
        assert setup.pmd.xstats(port)["reconnects"] == 1
    there_and_back(setup, 200)


def test_ports_taken_out_of_the_switch_and_put_back(box):
    setup = Setup(box)
    for cycle in range(3):
        setup.pmd.command("start tx_first 2")
        for port in ("vh0", "vh1"):
            setup.switch.vsctl("del-port", "br0", port)
        setup.wait_down()
        setup.switch.add_ports()
        setup.pmd.stop()
        setup.wait_up()
        setup.carry(0, 1, 10 + cycle)
        setup.carry(1, 0, 20 + cycle)
