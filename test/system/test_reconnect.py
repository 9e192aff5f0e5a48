# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""The backend is killed and comes back: events, traffic, and every mbuf in its pool at the end."""

import os
import signal
import time

import pytest

import frames
import pyvhost
from rig import eventually, pool_missing, start_vhost

SMALL_MEMORY = ("--no-huge", "-m", "64")
LSC = "Port 0: link state change event"


class Connection:
    """A net_pvq process under load, and backends that come and go."""

    def __init__(self, box, server, devargs="", app=()):
        self.box = box
        self.server = server
        self.app = app
        self.vhost = "client=1," if server else ""
        self.front = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}{devargs}"
                                 + (",server=1" if server else ""), app=app)
        self.backend = None

    def start_backend(self):
        """A backend that sends everything back from the first moment on."""
        if not self.server and os.path.exists(self.box.path("s")):
            os.unlink(self.box.path("s"))  # as every user of rte_vhost must after a crash
        since = self.front.mark()
        self.backend = self.box.testpmd(
            "--vdev", f"net_vhost0,iface={self.box.path('s')},{self.vhost}queues=4",
            app=["-a", *self.app], memory=SMALL_MEMORY, pvq=False)
        self.front.wait_for(LSC, since=since)
        self.front.wait_for(r"net_pvq0: up: ", since=since)
        self.front.wait_link(0)

    def kill_backend(self):
        """As a crash would."""
        since = self.front.mark()
        self.backend.kill9()
        self.box.pmds.remove(self.backend)
        self.front.wait_for("backend has gone, link down", since=since)
        self.front.wait_for(LSC, since=since)
        self.front.wait_link(0, up=False)

    def flows(self):
        """Packets go round: sent, seen, returned and received since now."""
        first = self.front.stats(0)

        def moved():
            now = self.front.stats(0)
            return all(now[name] - first[name] > 1000 for name in ("rx_packets", "tx_packets"))
        return eventually(moved)


@pytest.mark.parametrize("mode, cycles, devargs, app", [
    ("client", 14, "", []),
    ("server", 26, "", []),
    ("client", 5, ",in_order=0", ["--rxq=2", "--txq=2"]),
    ("server", 5, ",mrg_rxbuf=0,event_idx=0", ["--rxd=64", "--txd=64"]),
])
def test_backend_killed_under_load(box, mode, cycles, devargs, app):
    """Killed with SIGKILL while packets go both ways as fast as they can, again and again."""
    connection = Connection(box, mode == "server", devargs, app)
    front = connection.front
    assert not front.link_up(0)
    front.command("set fwd flowgen")
    front.command("start")
    for cycle in range(cycles):
        connection.start_backend()
        assert connection.flows(), f"no traffic in cycle {cycle}"
        connection.kill_backend()
    assert front.xstats(0)["reconnects"] == cycles - 1
    connection.start_backend()
    assert connection.flows()
    front.stop()
    stats = front.stats(0)
    assert stats["rx_errors"] == stats["tx_errors"] == 0
    front.command("port stop 0")
    assert pool_missing(front) == 0


def test_backend_breaks_off_during_set_up(box):
    """After the first request, after the second, and so on until it lasts."""
    backend = pyvhost.Backend(box.path("s"))
    box.closers.append(backend.close)
    front = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}")
    front.wait_link(0)
    # Of a connection that finds the port started: the first was asked at its start once more.
    backend.break_after = 0
    front.wait_link(0, up=False)
    asked = len(backend.requests)
    backend.break_after = None
    front.wait_link(0)
    whole = len(backend.requests) - asked
    front.command("set fwd flowgen")
    front.command("start")
    assert eventually(lambda: backend.looped > 1000)
    began, tries = time.monotonic(), backend.requests.count(pyvhost.SET_OWNER)
    for count in range(1, whole + 1):
        asked = len(backend.requests)
        backend.break_after = count  # the present connection ends at once if it is past that
        assert eventually(lambda: len(backend.requests) - asked >= 2 * count)
        assert backend.error is None
    tries = backend.requests.count(pyvhost.SET_OWNER) - tries
    assert tries < 40 * (time.monotonic() - began), "no pause between tries"
    backend.break_after = None
    front.wait_link(0)
    looped = backend.looped
    assert eventually(lambda: backend.looped > looped + 1000), backend.error
    front.stop()
    stats = front.stats(0)
    assert stats["rx_errors"] == stats["tx_errors"] == 0
    front.command("port stop 0")
    assert pool_missing(front) == 0


def test_backend_that_hangs(box):
    """A backend that is stopped, not dead: control calls end in bounded time, and say so."""
    connection = Connection(box, server=False)
    front = connection.front
    connection.start_backend()
    front.command("set fwd flowgen")
    front.command("start")
    assert connection.flows()
    os.kill(connection.backend.pid, signal.SIGSTOP)
    front.stop()
    front.command("port stop 0", timeout=30)
    assert "did not answer" in front.output()
    os.kill(connection.backend.pid, signal.SIGCONT)
    front.command("port start 0", timeout=30)
    front.wait_link(0)
    front.command("start")
    assert connection.flows()


@pytest.mark.parametrize("mode", ["client", "server"])
def test_front_end_restarts(box, mode):
    """Either may start first, and the front-end may come and go as the backend may."""
    ends = {"client": ("client=1", "server=1"), "server": ("", "")}
    backend_args, front_args = ends[mode]
    backend = start_vhost(box, "," + backend_args if backend_args else "")
    backend.command("start")
    for cycle in range(3):
        front = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}"
                            + ("," + front_args if front_args else ""))
        front.wait_link(0)
        backend.wait_link(0)
        front.command("set fwd flowgen")
        front.command("start")
        first = front.stats(0)["rx_packets"]
        assert eventually(lambda: front.stats(0)["rx_packets"] > first + 1000), cycle
        if cycle < 2:
            front.quit() if cycle else front.kill9()
            backend.wait_link(0, up=False)
            if os.path.exists(box.path("s")) and mode == "client" and cycle == 0:
                assert front.pid is None  # the socket of a killed server stays: the next takes it


@pytest.mark.parametrize("devargs", ["", ",in_order=0"])
def test_unsent_packets_are_sent_to_the_next_backend(box, devargs):
    """What tx_burst has accepted and the old backend has not used reaches the new one, in order."""
    sent = frames.make(200, range(60, 1515), seed=5)
    frames.write(box.path("in.pcap"), sent)
    frames.write(box.path("none.pcap"), [])
    old = start_vhost(box)  # takes nothing: it is not told to start
    front = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}{devargs}",
                        "--vdev", f"net_pcap0,rx_pcap={box.path('in.pcap')},"
                        f"tx_pcap={box.path('x.pcap')}", app=["--no-flush-rx"])
    front.wait_link(0)
    front.command("start")
    assert eventually(lambda: front.stats(0)["tx_packets"] == len(sent))
    old.kill9()
    front.wait_link(0, up=False)
    os.unlink(box.path("s"))
    new = box.testpmd("--vdev", f"net_vhost0,iface={box.path('s')}",
                      "--vdev", f"net_pcap0,rx_pcap={box.path('none.pcap')},"
                      f"tx_pcap={box.path('out.pcap')}", app=["-a", "--no-flush-rx"],
                      pvq=False)
    front.wait_for(rf"up: .* {len(sent)} packets sent again", since=0)
    assert eventually(lambda: new.stats(1)["tx_packets"] == len(sent))
    assert front.xstats(0)["tx_q0_replayed"] == len(sent)
    new.stop()
    assert new.quit() == 0
    frames.compare(sent, frames.read(box.path("out.pcap")))


@pytest.mark.parametrize("devargs", ["", ",in_order=0"])
def test_received_packets_survive_the_backend(box, devargs):
    """What the old backend has put into the ring is received after it has gone."""
    sent = frames.make(200, range(60, 1515), seed=6)
    frames.write(box.path("in.pcap"), sent)
    frames.write(box.path("none.pcap"), [])
    old = box.testpmd("--vdev", f"net_vhost0,iface={box.path('s')}", "--vdev",
                      f"net_pcap0,rx_pcap={box.path('in.pcap')},tx_pcap={box.path('x.pcap')}",
                      app=["--no-flush-rx"], pvq=False)
    front = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}{devargs}",
                        "--vdev", f"net_pcap0,rx_pcap={box.path('none.pcap')},"
                        f"tx_pcap={box.path('out.pcap')}", app=["--no-flush-rx"])
    front.wait_link(0)
    old.wait_link(0)
    old.command("start")
    assert eventually(lambda: old.stats(0)["tx_packets"] == len(sent))
    old.kill9()
    front.wait_link(0, up=False)
    os.unlink(box.path("s"))
    start_vhost(box)
    front.wait_link(0)
    front.command("start")
    assert eventually(lambda: front.stats(1)["tx_packets"] == len(sent))
    front.stop()
    assert front.quit() == 0
    frames.compare(sent, frames.read(box.path("out.pcap")))
