# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Send known frames through a net_pvq port and look at what comes back.

The peer is net_vhost in a process of its own. It sends what it reads from a capture file, our
process sends it back, and the peer writes what returns to another file.
"""

import frames
from rig import NO_HUGE, eventually, start_vhost

# A frame of 9,000 bytes in one mbuf: net_vhost promises no more.
BIG_MBUFS = ("--mbuf-size=9728", "--max-pkt-len=9018")
RETRY = "set burst tx delay 100 retry 2000"


def loop_back(box, sent, pvq="", app=(), mode="io", memory=NO_HUGE):
    """Assert that all of `sent` comes back, whole and in order; returns our process.

    pvq, app, memory: device arguments, testpmd's and EAL's arguments of our process.
    """
    frames.write(box.path("in.pcap"), sent)
    backend = start_vhost(box, app=[*BIG_MBUFS, "--no-flush-rx"], cores=2, extra=(
        "--vdev", f"net_pcap0,rx_pcap={box.path('in.pcap')},tx_pcap={box.path('out.pcap')}"))
    front = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}{pvq}", app=app, memory=memory)
    front.wait_link(0)
    again(front, backend, sent, mode)
    # The file is whole when the backend has closed it.
    assert backend.quit() == 0
    wanted = sent if mode == "io" else list(map(frames.swap_macs, sent))
    frames.compare(wanted, frames.read(box.path("out.pcap")))
    return front


def again(front, backend, sent, mode):
    """Forward until all frames are back; compares counters."""
    for pmd, forward in ((front, mode), (backend, "io")):
        pmd.command(f"set fwd {forward} retry")
        pmd.command(RETRY)
    front.command("start")
    backend.command("start")
    eventually(lambda: backend.stats(1)["tx_packets"] >= len(sent), timeout=15)
    backend.stop()
    front.stop()
    ours = front.stats(0)
    assert ours["rx_packets"] == ours["tx_packets"] == len(sent), ours
    assert ours["rx_bytes"] == ours["tx_bytes"] == sum(map(len, sent)), ours
    assert ours["rx_errors"] == ours["rx_nombuf"] == ours["tx_errors"] == 0, ours
