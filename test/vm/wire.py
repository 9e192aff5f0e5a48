# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""What is behind a guest's network device, seen from outside.

A wire has `arguments(id)`, QEMU's for the back half of the device, `fds`, the files that QEMU must
inherit for them, and `shares_memory`, whether the guest's memory must be shared.
"""

import select
import socket
import time

WINDOW = 64
FRAME_MAX = 65536


class Datagrams:
    """QEMU's own device, one queue pair without offloads: each frame is a datagram."""

    shares_memory = False

    def __init__(self):
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ours.setblocking(False)

    @property
    def fds(self):
        return (self._theirs.fileno(),)

    def arguments(self, name):
        return ["-netdev", f"dgram,id={name},local.type=fd,local.str={self._theirs.fileno()}"]

    def close(self):
        """Give the sockets back."""
        self._ours.close()
        self._theirs.close()

    def send(self, frame):
        """Send one frame; returns whether there was room for it."""
        try:
            self._ours.send(frame)
        except (BlockingIOError, ConnectionRefusedError):
            return False
        return True

    def receive(self, timeout=0.0):
        """All frames that are there, once there is one or the time is over."""
        got = []
        select.select([self._ours], [], [], timeout)
        try:
            while True:
                got.append(self._ours.recv(FRAME_MAX))
        except BlockingIOError:
            return got


def exchange(wire, frames, end=None, timeout=10, window=WINDOW):
    """Send frames, no more than a window ahead of what comes back; returns what came back, there or
    at another end.

    Returns when there is as much as was sent, or when nothing has come for `timeout` seconds.
    """
    sent, back = 0, []
    deadline = time.monotonic() + timeout
    while len(back) < len(frames) and time.monotonic() < deadline:
        while sent < min(len(frames), len(back) + window) and wire.send(frames[sent]):
            sent += 1
        got = (end or wire).receive(0.1)
        back += got
        if got:
            deadline = time.monotonic() + timeout
    return back
