# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""A device that asks its guest to announce itself, as after a migration."""

import time

import pytest

from ports import Echo

OWN = bytes.fromhex("020000000021")
RARP = bytes.fromhex("8035")
QUIET = 1.5


def rarps(wire, timeout=10):
    """The senders of RARP packets to everybody: until the port is among them, and soon after."""
    got = []
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        for frame in wire.receive(0.1):
            assert frame[:6] == b"\xff" * 6 and frame[12:14] == RARP, frame
            # Reverse request; both hardware addresses are the sender's.
            assert frame[14:22] == bytes.fromhex("0001080006040003")
            assert frame[22:28] == frame[32:38] == frame[6:12]
            got.append(frame[6:12])
        if OWN in got:
            deadline = min(deadline, time.monotonic() + QUIET)
    return got


@pytest.mark.xdist_group("announce")
def test_announce(box, kit):
    """Once each time, under the address that the port has by then; QEMU itself announces the one
    that it gave the device."""
    port = Echo(box, kit)
    guest = port.guest
    assert {"GUEST_ANNOUNCE", "CTRL_VQ"} <= port.features()
    guest.command(f"mac_addr set 0 {OWN.hex(':')}")
    for _ in range(3):
        guest.monitor.execute("announce-self", initial=50, max=50, rounds=1, step=10)
        assert rarps(port.wire).count(OWN) == 1
    port.echoes()
