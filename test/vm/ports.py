# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""What tests do with a guest of one port that sends back what it receives."""

import frames
from guest import Nic, boot
from wire import Datagrams, exchange

ORDINARY = range(60, 1515)


class Echo:
    """A guest whose first port sends back what it receives.

    nic: arguments of its Nic. wire: what is behind it, Datagrams unless told otherwise.
    others: more Nics. Everything else is for the guest.
    """

    def __init__(self, box, kit, nic=None, wire=None, others=(), **more):
        self.wire = wire or Datagrams()
        self.guest = boot(box, kit, Nic(self.wire, **(nic or {})), *others, **more)
        # Where the ring is shorter than a burst, testpmd would drop the rest.
        self.guest.commands("set fwd io retry", "set burst tx delay 50 retry 10000")

    def features(self):
        """What was negotiated when the port last came up."""
        return self.guest.came_up()[2]

    def echoes(self, sent=None, **more):
        """Let the guest send frames back, and compare them byte by byte."""
        sent = sent or frames.make(500, ORDINARY, seed=1)
        self.guest.command("start")
        back = exchange(self.wire, sent, **more)
        totals = self.guest.stop()["all"]
        frames.compare(sent, back)
        assert (totals["rx_dropped"], totals["tx_dropped"]) == (0, 0)
