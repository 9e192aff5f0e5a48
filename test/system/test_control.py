# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""What an application may ask of a port while packets go through it."""

import re

import pytest

from rig import eventually, one_process, pool_missing, settles, two_processes


def loaded(box, where=two_processes, **more):
    """A link on which both ends send as fast as they can."""
    link = where(box, **more)
    link.command("set fwd flowgen")
    link.command("start")
    assert link.flows()
    return link


def sound(link):
    """No error so far."""
    stats = link.pvq.stats(link.pvq_port)
    assert stats["rx_errors"] == stats["tx_errors"] == 0


def moved(pmd):
    """Packets received and sent so far."""
    stats = pmd.stats(0)
    return stats["rx_packets"], stats["tx_packets"]


def test_our_port_stopped_and_started(box):
    """The backend goes on sending meanwhile; nothing is kept back of the pool."""
    link = loaded(box)
    pmd = link.pvq
    for _ in range(10):
        pmd.stop()
        pmd.command("port stop 0")
        assert not pmd.link_up(0)
        assert pool_missing(pmd) == 0
        pmd.command("port start 0")
        assert pmd.link_up(0)
        pmd.command("start")
        assert link.flows()
    sound(link)


def test_backend_port_stopped_and_started(box):
    link = loaded(box)
    for _ in range(5):
        link.vhost.stop()
        link.vhost.command("port stop 0")
        link.vhost.command("port start 0")
        link.vhost.command("start")
        assert link.flows()
    sound(link)


def test_backend_port_closed(box):
    """The connection ends properly; the port waits for the next one."""
    link = loaded(box)
    link.vhost.stop()
    link.vhost.command("port stop 0")
    link.vhost.command("port close 0")
    link.pvq.wait_link(0, up=False)
    link.vhost.command(f"port attach net_vhost1,iface={box.path('s')}")
    link.vhost.command("port start 0")
    link.wait_up()
    link.vhost.command("start")
    assert link.flows()
    sound(link)


def queue_state(pmd, way):
    """What testpmd says of queue 1 of port 0."""
    return re.search(r"queue state: (\w+)", pmd.command(f"show {way} info 0 1")).group(1)


@pytest.mark.parametrize("way", ["rxq", "txq"])
def test_queue_stopped_and_started(box, way):
    """A stopped queue stands still while the other goes on."""
    link = loaded(box, vhost=",queues=2", app=["--rxq=2", "--txq=2"])
    pmd, name = link.pvq, f"{way[:2]}_q1_packets"
    for _ in range(3):
        pmd.stop()
        pmd.command(f"port 0 {way} 1 stop")
        assert queue_state(pmd, way) == "stopped"
        before = pmd.xstats(0)[name]
        pmd.command("start")
        assert link.flows()
        assert pmd.xstats(0)[name] == before
        pmd.stop()
        pmd.command(f"port 0 {way} 1 start")
        assert queue_state(pmd, way) == "started"
        pmd.command("start")
        assert eventually(lambda: pmd.xstats(0)[name] > before + 1000)
    sound(link)
    pmd.stop()
    pmd.command("port stop 0")
    assert pool_missing(pmd) == 0


@pytest.mark.parametrize("way", ["rxq", "txq"])
def test_deferred_start(box, way):
    """The queue waits to be started by itself, whatever the rest of the port does."""
    # Not queue 0: rte_vhost starts nothing before both of its rings are enabled.
    link = two_processes(box, vhost=",queues=2", app=["--rxq=2", "--txq=2"])
    pmd, name = link.pvq, f"{way[:2]}_q1_packets"
    pmd.command("port stop 0")
    pmd.command(f"port 0 {way} 1 deferred_start on")
    pmd.command("port start 0")
    assert queue_state(pmd, way) == "stopped"
    link.wait_up()
    link.command("set fwd flowgen")
    link.command("start")
    assert link.flows()
    assert pmd.xstats(0)[name] == 0
    pmd.stop()
    pmd.command(f"port 0 {way} 1 start")
    pmd.command("start")
    assert eventually(lambda: pmd.xstats(0)[name] > 1000)
    sound(link)


def test_link_set_down_and_up(box):
    link = loaded(box)
    pmd = link.pvq
    for _ in range(3):
        pmd.command("set link-down port 0")
        assert eventually(lambda: not pmd.link_up(0))
        assert settles(lambda: moved(pmd), timeout=2), "packets with the link down"
        pmd.command("set link-up port 0")
        pmd.wait_link(0)
        assert link.flows()
    sound(link)


def test_reset(box):
    """A new conversation with the backend, after which the port works as before."""
    link = loaded(box)
    pmd = link.pvq
    for _ in range(3):
        pmd.stop()
        pmd.command("port stop 0")
        pmd.command("port reset 0")
        pmd.command("port start 0")
        link.wait_up()
        pmd.command("start")
        assert link.flows()
    sound(link)


def test_mtu(box):
    """The backend is told; what no buffer can hold is refused."""
    link = loaded(box, where=one_process)
    pmd = link.pvq
    since = pmd.mark()
    pmd.command("port config mtu 1 1400")
    assert "MTU: 1400" in pmd.command("show port info 1")
    pmd.wait_for("VHOST_USER_NET_SET_MTU", since=since)
    since = pmd.mark()
    pmd.command("port config mtu 1 9000")
    assert "MTU: 1400" in pmd.command("show port info 1")
    assert re.search(r"net_pvq0: MTU 9000 needs \d+ bytes and rx queue 0's buffers have \d+: use a "
                     r"mempool of larger mbufs", pmd.output(since))
    assert link.flows()
    sound(link)


def test_mac_and_filters(box):
    """The address is kept; a port that receives everything says so, and does not fail."""
    link = loaded(box, where=one_process, pvq=",mac=02:00:00:00:00:07")
    pmd = link.pvq
    assert "MAC address: 02:00:00:00:00:07" in pmd.command("show port info 1")
    text = pmd.command("mac_addr set 1 02:00:00:00:00:09")
    assert "rror" not in text
    assert "MAC address: 02:00:00:00:00:09" in pmd.command("show port info 1")
    for what in ("promisc", "allmulti"):
        for state in ("off", "on"):
            text = pmd.command(f"set {what} 1 {state}")
            assert "rror" not in text and "fail" not in text.lower()
    info = pmd.command("show port info 1")
    assert "Promiscuous mode: enabled" in info and "Allmulticast mode: enabled" in info
    assert "goes on receiving every frame" in pmd.output()
    assert link.flows()
    sound(link)


def test_descriptor_status(box):
    """Of descriptors that the device holds, of those it has filled, and of free ones."""
    link = one_process(box, app=["--rxd=64", "--txd=64"])
    pmd = link.pvq
    pmd.command("set fwd txonly")
    pmd.command("set portlist 0")  # only the backend sends: 64 packets wait in our ring
    pmd.command("start")
    assert eventually(lambda: pmd.stats(0)["tx_packets"] == 64)
    pmd.stop()
    assert "DONE" in pmd.command("show port 1 rxq 0 desc 0 status")
    assert "DONE" in pmd.command("show port 1 rxq 0 desc 63 status")
    assert re.search("= 64$", pmd.command("show port 1 rxq 0 desc used count"), re.M)
    assert "DONE" in pmd.command("show port 1 txq 0 desc 0 status")  # nothing to send
    pmd.command("set fwd rxonly")
    pmd.command("set portlist 1")
    pmd.command("start")
    assert eventually(lambda: pmd.stats(1)["rx_packets"] == 64)
    pmd.stop()
    assert "AVAILABLE" in pmd.command("show port 1 rxq 0 desc 0 status")
    assert re.search("= 0$", pmd.command("show port 1 rxq 0 desc used count"), re.M)
    pmd.command("set fwd txonly")
    pmd.command("start")
    assert eventually(lambda: pmd.stats(1)["tx_packets"] == 64)
    pmd.stop()
    assert "FULL" in pmd.command("show port 1 txq 0 desc 0 status")
    pmd.command("set fwd rxonly")
    pmd.command("set portlist 0")
    pmd.command("start")
    assert eventually(lambda: pmd.stats(0)["rx_packets"] == 64)
    pmd.stop()
    assert "DONE" in pmd.command("show port 1 txq 0 desc 0 status")
    pmd.command("port cleanup 1 txq 0 0")
    assert pmd.xstats(1)["tx_q0_reclaimed"] == 64


def test_mbuf_fast_free(box):
    link = two_processes(box, app=["--tx-offloads=0x10000"], vhost_app=[])
    link.run(packets=50000)
    link.pvq.command("port stop 0")
    assert pool_missing(link.pvq) == 0


@pytest.mark.parametrize("pairs", [1, 3], ids=["shared-ring", "ring-per-lcore"])
def test_lock_free_transmit(box, pairs):
    """With a ring for every lcore, and with fewer than lcores, which then take turns."""
    link = two_processes(box, app=["--tx-offloads=0x4000"], pvq=f",queues={pairs}",
                         vhost=f",queues={pairs}", vhost_app=[f"--rxq={pairs}", f"--txq={pairs}"])
    assert ("take turns with a lock" in link.pvq.output()) == (pairs == 1)
    link.vhost.command("set fwd rxonly")
    link.pvq.command("set fwd txonly")
    link.command("start")
    assert eventually(lambda: moved(link.pvq)[1] > 50000)
    link.pvq.stop()
    assert eventually(lambda: link.counts()[0][0] == link.counts()[0][1]), link.counts()
    link.pvq.command("port stop 0")
    assert pool_missing(link.pvq) == 0


def test_device_info(box):
    link = one_process(box)
    assert re.search(r"Driver name: net_pvq\n(.*\n)*\tDevice name: net_pvq0$",
                     link.pvq.command("show device info all"), re.M)
    info = link.pvq.command("show port info 1")
    assert "Driver name: net_pvq" in info and "Link speed: 10 Gbps" in info
