# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""A device that lies, once, in the middle of traffic: one test for each way to lie.

Queue pair 0 is lied to and pair 1 is not: whatever becomes of pair 0, not a packet of pair 1 may be
lost. Afterwards the application has its queue back without leaving, and all its mbufs.
"""

import pytest

from device import Device
from rig import eventually, pool_missing, settles

# How the device lies about a ring: row, queue, argument, features that it offers, what the log says.
BAD_ID, BAD_ORDER = "buffer id that is not outstanding", "buffer id out of order"
BAD_LEN, BAD_PARTS = "length that does not fit", "more buffers for a packet than it holds"
QUEUE_ERRORS = {
    "hd01-id-is-size-rx": ("hd-01", "rx0", None, "in-order=0", BAD_ID),
    "hd01-id-65535-rx": ("hd-01", "rx0", 65535, "in-order=0", BAD_ID),
    "hd01-id-is-size-tx": ("hd-01", "tx0", None, "in-order=0", BAD_ID),
    "hd01-id-is-size-rx-in-order": ("hd-01", "rx0", None, "in-order=1", BAD_ORDER),
    "hd01-id-65535-tx-in-order": ("hd-01", "tx0", 65535, "in-order=1", BAD_ORDER),
    "hd02-used-twice-rx": ("hd-02", "rx0", None, "in-order=0", BAD_ID),
    "hd02-used-twice-tx": ("hd-02", "tx0", None, "in-order=0", BAD_ID),
    "hd02-used-twice-rx-in-order": ("hd-02", "rx0", None, "in-order=1", BAD_ORDER),
    "hd02-used-twice-tx-in-order": ("hd-02", "tx0", None, "in-order=1", BAD_ORDER),
    "hd03-older-id-rx": ("hd-03", "rx0", None, "in-order=1", BAD_ORDER),
    "hd03-older-id-tx": ("hd-03", "tx0", None, "in-order=1", BAD_ORDER),
    "hd04-capacity-plus-1": ("hd-04", "rx0", None, "mrg-rxbuf=0", BAD_LEN),
    "hd04-capacity-plus-1-mergeable": ("hd-04", "rx0", None, "mrg-rxbuf=1", BAD_LEN),
    "hd04-len-4294967295": ("hd-04", "rx0", 4294967294, "in-order=0", BAD_LEN),
    "hd05-len-0-mergeable": ("hd-05", "rx0", 0, "mrg-rxbuf=1", BAD_LEN),
    "hd05-len-11-mergeable": ("hd-05", "rx0", 11, "mrg-rxbuf=1", BAD_LEN),
    "hd07-65535-buffers": ("hd-07", "rx0", None, "mrg-rxbuf=1", BAD_PARTS),
    "hd08-part-withheld": ("hd-08", "rx0", None, "mrg-rxbuf=1", "never delivered the rest"),
}
# The packet is dropped, that counter counts it, and the queue goes on.
DROPS = {
    "hd05-len-0": ("hd-05", 0, "mrg-rxbuf=0", "short_errors"),
    "hd05-len-11": ("hd-05", 11, "mrg-rxbuf=0", "short_errors"),
    "hd06-no-buffers": ("hd-06", None, "mrg-rxbuf=1", "no_parts_errors"),
    "hd10-40-buffers": ("hd-10", 40, "mrg-rxbuf=1", "scatter_errors"),
    "hd17-gso-tcpv4": ("hd-17", 1, "mrg-rxbuf=1", "gso_errors"),
    "hd17-gso-udp": ("hd-17", 3, "mrg-rxbuf=1,in-order=0", "gso_errors"),
    "hd17-gso-unknown": ("hd-17", 0x1f, "mrg-rxbuf=1", "gso_errors"),
    "hd17-gso-size-0": ("hd-17", 0x101, "mrg-rxbuf=1", "gso_errors"),
    "hd18-both-tunnel-bits": ("hd-18", None, "mrg-rxbuf=1", "gso_errors"),
    "hd18-tunnel-without-base": ("hd-18", 0x20, "mrg-rxbuf=1,in-order=0", "gso_errors"),
}
# Nothing that would have to be believed: not a packet is lost.
IGNORED = {
    "hd05-write-clear": ("hd-05-write", "rx0", None, "mrg-rxbuf=1"),
    # Without mergeable buffers the header has nothing to say, so nobody looks at it.
    "hd09-two-buffers-unmerged": ("hd-09", "rx0", None, "mrg-rxbuf=0"),
    "hd17-gso-tcpv4-unmerged": ("hd-17", "rx0", 1, "mrg-rxbuf=0"),
    "hd12-used-and-not-used": ("hd-12", "rx0", None, "in-order=0"),
    "hd12-used-and-not-used-in-order": ("hd-12", "rx0", None, "in-order=1"),
    "hd13-ring-scribbled-rx": ("hd-13", "rx0", None, "in-order=0"),
    "hd13-ring-scribbled-rx-in-order": ("hd-13", "rx0", None, "in-order=1"),
    "hd13-ring-scribbled-tx": ("hd-13", "tx0", None, "in-order=0"),
    "hd13-ring-scribbled-tx-in-order": ("hd-13", "tx0", None, "in-order=1"),
    "hd14-header-changes": ("hd-14", "rx0", None, "mrg-rxbuf=1"),
    "hd14-header-changes-unmerged": ("hd-14", "rx0", None, "mrg-rxbuf=0"),
    "hd16-checksum-outside": ("hd-16", "rx0", None, "mrg-rxbuf=1"),
    "hd19-header-length": ("hd-19", "rx0", None, "mrg-rxbuf=0"),
    "hd27-interrupt-storm-rx": ("hd-27", "rx0", None, "mrg-rxbuf=1"),
    "hd27-interrupt-storm-tx": ("hd-27", "tx0", None, "mrg-rxbuf=1"),
}


class Front:
    """A testpmd of two queue pairs that sends back what it receives, for one device after another."""

    def __init__(self, box):
        self.box = box
        self.path = box.path("s")
        self.pmd = box.testpmd("--vdev", f"net_pvq0,path={self.path}",
                               app=["--rxq=2", "--txq=2", "--rxd=256", "--txd=256",
                                    "--no-flush-rx"])
        self.pmd.command("start")
        self.current = None

    def device(self, offer, *settings):
        """The next device, when traffic flows on both pairs."""
        self.current = device = Device(self.box, "mode=generate", "queues=2", "tolerant",
                                       *offer.split(","), *settings, path=self.path)
        device.wait_live(4)
        assert device.flows(0) and device.flows(1), device.stats()
        return device

    def xstats(self):
        return self.pmd.xstats(0)

    def restart_queue(self, name):
        """As an application restarts one queue."""
        way, number = name[:2] + "q", name[2:]
        self.pmd.command("stop")
        for order in ("stop", "start"):
            text = self.pmd.command(f"port 0 {way} {number} {order}")
            assert "rror" not in text and "ail" not in text, text
        self.pmd.command("start")

    def restart_port(self, meanwhile=lambda: None):
        """As an application restarts a port, which has all its mbufs in between."""
        self.pmd.command("stop")
        self.pmd.command("port stop 0")
        meanwhile()
        self.pmd.command("port start 0")
        self.pmd.command("start")

    def check_mbufs(self):
        """None is missing of a stopped port."""
        assert pool_missing(self.pmd) == 0

    @staticmethod
    def check_neighbour(device):
        """Not one packet of pair 1 was lost on account of pair 0."""
        pair = device.pair(1)
        assert (pair["lost"], pair["again"], pair["damaged"]) == (0, 0, 0), pair

    def part(self, device):
        """The end of a test: no rule was broken, and all mbufs are there."""
        device.check()
        self.restart_port(self.check_mbufs)


@pytest.fixture(scope="module")
def shared(module_box):
    """The same process for all tests: none may leave it the worse for it."""
    own = Front(module_box)
    yield own
    own.pmd.command("stop")


@pytest.fixture
def front(request, shared):
    """It, and the end of the device that a failed test leaves behind."""
    yield shared
    if shared.current and not getattr(request.node, "passed", False):
        shared.current.kill()
        shared.restart_port()


def fails(front, device, row, vring, arg, message):
    """A lie that closes the queue: counted, logged, told to the application, the ring left alone."""
    pmd, counter = front.pmd, f"{vring[:2]}_q0_queue_errors"
    before, since = front.xstats()[counter], pmd.mark()
    device.lie(row, vring, 500, arg)
    pmd.wait_for(f"net_pvq0: {vring[:2]} queue 0 stopped: the device .*{message}", since=since)
    pmd.wait_for("Port 0: reset event", since=since)
    assert front.xstats()[counter] == before + 1
    ring = device.vring(vring)
    assert device.flows(1, 5000), "the other queue pair has stopped too"
    now = device.vring(vring)
    assert (ring["waiting"], ring["next_avail"]) == (now["waiting"], now["next_avail"])
    assert pmd.output(since).count("queue 0 stopped") == 1


@pytest.mark.parametrize("name", QUEUE_ERRORS)
def test_queue_error(front, name):
    """The application restarts the queue, and the next time the port."""
    row, vring, arg, offer, message = QUEUE_ERRORS[name]
    device = front.device(offer)
    fails(front, device, row, vring, arg, message)
    front.restart_queue(vring)
    assert device.flows(0), f"queue restarted, no traffic: {device.stats()}"
    fails(front, device, row, vring, arg, message)
    front.check_neighbour(device)
    front.restart_port(front.check_mbufs)
    device.wait_live(4)
    assert device.flows(0) and device.flows(1), device.stats()
    front.part(device)


@pytest.mark.parametrize("name", DROPS)
def test_packet_dropped(front, name):
    """Exactly that packet; what comes behind it arrives."""
    row, arg, offer, counter = DROPS[name]
    device = front.device(offer)
    counter, since = f"rx_q0_{counter}", front.pmd.mark()
    before = front.xstats()
    for _ in range(3):
        device.lie(row, "rx0", 100, arg)
    assert device.flows(0)
    now = front.xstats()
    assert now.get(counter) == before.get(counter, 0) + 3, now
    assert now["rx_q0_queue_errors"] == before["rx_q0_queue_errors"]
    spoiled = device.pair(0)
    assert (spoiled["lost"], spoiled["again"], spoiled["damaged"]) == (3, 0, 0), spoiled
    assert "reset event" not in front.pmd.output(since)
    front.check_neighbour(device)
    front.part(device)


@pytest.mark.parametrize("name", IGNORED)
def test_not_believed(front, name):
    """Whatever else the lie touches, the driver goes by what it knows itself."""
    row, vring, arg, offer = IGNORED[name]
    device = front.device(offer)
    before, since = front.xstats(), front.pmd.mark()
    for _ in range(3):
        device.lie(row, vring, 100, arg)
        assert device.flows(0), device.stats()
    now = front.xstats()
    for counter in ("rx_q0_queue_errors", "tx_q0_queue_errors"):
        assert now[counter] == before[counter]
    assert "reset event" not in front.pmd.output(since)
    told = device.pair(0)
    # Packets that lies were made of, besides those that are numbered, come back as well.
    assert told["lost"] == told["again"] == 0, told
    assert told["damaged"] <= (3 if row in ("hd-12", "hd-14") else 0), told
    front.check_neighbour(device)
    front.part(device)


@pytest.fixture
def scatter(box):
    """A testpmd that takes packets of many mbufs, and a device."""
    pmd = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}",
                      app=["--enable-scatter", "--tx-offloads=0x8000", "--rxd=256", "--txd=512"])
    pmd.command("start")
    device = Device(box, "mode=generate", "tolerant", path=box.path("s"))
    device.wait_live()
    return pmd, device


def test_hd11_short_parts_are_joined(scatter):
    """By the lengths that the device reports, and counted."""
    pmd, device = scatter
    for _ in range(3):
        device.lie("hd-11", "rx0", 100, 24)
        assert device.flows()
    assert pmd.xstats(0)["rx_q0_short_parts"] >= 3
    pair = device.pair()
    assert (pair["lost"], pair["again"], pair["damaged"]) == (0, 0, 0), pair
    device.check()


def test_hd10_more_than_a_packet(scatter):
    """All 40 parts are taken together; what the device sends that way it does not take back."""
    pmd, device = scatter
    for _ in range(3):
        device.lie("hd-10", "rx0", 100, 40)
        assert device.flows()
    stats, xstats = pmd.stats(0), pmd.xstats(0)
    assert stats["rx_errors"] == 0 and xstats["tx_q0_too_long_errors"] == 3, xstats
    pair = device.pair()
    assert (pair["lost"], pair["again"], pair["damaged"]) == (3, 0, 0), pair
    pmd.command("stop")
    pmd.command("port stop 0")
    assert pool_missing(pmd) == 0
    device.check()


@pytest.fixture
def idle(box):
    """A testpmd whose port has not sent anything yet; for devices that send everything back."""
    return box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}", app=["--no-flush-rx"])


def goes_round(pmd, device):
    """The first burst, and what comes of it."""
    pmd.command("start tx_first")
    assert eventually(lambda: device.stats()["packets"] > 1000), device.stats()
    pmd.command("stop")
    stats = pmd.stats(0)
    assert stats["rx_errors"] == stats["tx_errors"] == 0
    pmd.command("port stop 0")
    assert pool_missing(pmd) == 0
    device.check()


@pytest.mark.parametrize("in_order", [0, 1])
def test_hd15_used_before_anything_is_available(box, idle, in_order):
    """Nobody looks at slots that were never made available."""
    device = Device(box, f"in-order={in_order}")
    device.wait_live()
    device.lie("hd-15", "tx0")
    goes_round(idle, device)


@pytest.mark.parametrize("event, event_idx", [(3 << 16, 1), (2 << 16 | 0x7fff, 1), (2 << 16 | 5, 0),
                                              (0xfffc << 16, 1)],
                         ids=["reserved", "beyond-the-ring", "not-negotiated", "reserved-bits"])
def test_hd20_events_that_make_no_sense(box, idle, event, event_idx):
    """The device sleeps until it is notified, and it has said nonsense about when."""
    device = Device(box, f"event-idx={event_idx}")
    device.wait_live()
    device.lie("hd-20", "tx0", 0, event)
    before = device.vring("tx0")["notifications"]
    idle.command("start tx_first 1")
    assert eventually(lambda: device.vring("tx0")["notifications"] > before)
    idle.command("stop")
    goes_round(idle, device)


def refused(pmd, since, message):
    """The port goes on waiting, and has said why."""
    pmd.wait_for(message, since=since)
    # ethdev learns of the last device's end from an event, which may come after the message.
    pmd.wait_link(0, up=False)


def recovers(box, pmd, *settings):
    """A better device at the same place, and traffic, in which the last device's come again."""
    device = Device(box, "mode=generate", "tolerant", *settings, path=box.path("s"))
    device.wait_live()
    pmd.wait_link(0)
    assert device.flows(), device.stats()
    return device


def test_hd21_hd28_offers_that_change(box, idle):
    """Each device at the same socket offers something else, some of it nonsense."""
    pmd = idle
    pmd.command("start")
    recovers(box, pmd).check()
    # Fewer features than before: negotiated anew.
    device = recovers(box, pmd, "in-order=0", "mrg-rxbuf=0", "event-idx=0", "indirect=0")
    assert not device.negotiated("in-order") and not device.negotiated("mrg-rxbuf")
    device.check()
    # A required one is missing, and there again.
    since = pmd.mark()
    device = Device(box, "packed=0", path=box.path("s"))
    refused(pmd, since, "refusing the backend: it does not offer RING_PACKED")
    device.check()
    device = recovers(box, pmd, "mtu=67")
    assert not device.negotiated("mtu-feature")
    assert "its MTU is 67: ignored" in pmd.output(since)
    device.check()
    since = pmd.mark()
    device = Device(box, "claim=0", path=box.path("s"))
    refused(pmd, since, "backend says that it has no queue pair")
    device.check()
    recovers(box, pmd, "claim=32769").check()
    recovers(box, pmd, "claim=4294967294").check()
    pmd.command("stop")
    pmd.command("port stop 0")
    assert pool_missing(pmd) == 0


@pytest.mark.parametrize("request_name", ["GET_VRING_BASE", "SET_STATUS"])
def test_hd23_device_that_does_not_let_go(box, idle, request_name):
    """Buffers that it may still write to are lost, and said to be; the port lives on."""
    pmd = idle
    pmd.command("start")
    device = recovers(box, pmd)
    device.ask(f"answer {request_name} none")
    pmd.command("stop")
    since = pmd.mark()
    pmd.command("port stop 0", timeout=30)
    assert "backend hangs with the rings in its hands" in pmd.output(since)
    lost = pool_missing(pmd)
    assert lost >= 256  # the receive ring
    device.ask("answer all")
    pmd.command("port start 0", timeout=30)
    device.wait_live()
    pmd.command("start")
    assert device.flows()
    pmd.command("stop")
    pmd.command("port stop 0")
    assert pool_missing(pmd) == lost
    device.check()


def test_hd26_device_needs_reset(box, idle):
    """All queues close, with an event; the port restarted, they are back."""
    pmd = idle
    pmd.command("start")
    device = recovers(box, pmd)
    for _ in range(2):
        since = pmd.mark()
        device.ask("needs-reset")
        pmd.wait_for("net_pvq0: .*needs a reset", since=since)
        pmd.wait_for("Port 0: reset event", since=since)
        pmd.wait_link(0, up=False)
        pmd.command("stop")
        pmd.command("port stop 0")
        assert pool_missing(pmd) == 0
        pmd.command("port start 0")
        pmd.command("start")
        device.wait_live()
        assert device.flows(), device.stats()
        pmd.wait_link(0)
    device.check()


def test_hd26_device_removed(front):
    """The process is killed at once; the next one finds the port waiting."""
    device = front.device("in-order=1")
    since = front.pmd.mark()
    device.kill()
    front.pmd.wait_for("backend has gone, link down", since=since)
    front.part(front.device("in-order=0"))
