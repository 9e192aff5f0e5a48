# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""What is behind a guest's network device, seen from outside.

A wire has `arguments(id)`, QEMU's for the back half of the device, `fds`, the files that QEMU must
inherit for them, and `shares_memory`, whether the guest's memory must be shared.
"""

import ctypes
import fcntl
import os
import select
import socket
import struct
import threading
import time

WINDOW = 64
FRAME_MAX = 65536

# Of Linux.
CLONE_NEWNET = 0x40000000
IFF_UP = 1
IFF_TAP = 2
IFF_MULTI_QUEUE = 0x100
IFF_NO_PI = 0x1000
IFF_VNET_HDR = 0x4000
TUNSETIFF = 0x400454ca
SIOCSIFFLAGS = 0x8914
SIOCSIFMTU = 0x8922
ETH_P_ALL = 3

_libc = ctypes.CDLL(None, use_errno=True)


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


class VhostUser:
    """A vhost-user backend that listens at a socket."""

    shares_memory = True
    fds = ()

    def __init__(self, path, queues=1):
        self._path = path
        self._queues = queues

    def arguments(self, name):
        return ["-chardev", f"socket,id={name}-socket,path={self._path}",
                "-netdev", f"vhost-user,id={name},chardev={name}-socket,queues={self._queues}"]

    def close(self):
        """The socket is the backend's."""


class Tap:
    """QEMU's own device with offloads, and as many queue pairs as wanted, on a tap interface.

    The interface is in a network namespace of its own. That exists as long as the files here and
    QEMU's, so there is nothing to be removed.
    """

    shares_memory = False
    NAME = b"pvq0"

    def __init__(self, queues=1, mtu=1500):
        self._queues = []
        self._ours = None
        made = []
        # A thread can leave for a namespace by itself, and ends there.
        thread = threading.Thread(target=lambda: made.append(self._make(queues, mtu)))
        thread.start()
        thread.join()
        if not made:
            self.close()
            raise OSError("no tap interface in a network namespace")

    def _make(self, queues, mtu):
        if _libc.unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        # The kernel would send packets of its own.
        with open("/proc/sys/net/ipv6/conf/default/disable_ipv6", "w", encoding="ascii") as file:
            file.write("1")
        flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (IFF_MULTI_QUEUE if queues > 1 else 0)
        for _ in range(queues):
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            self._queues.append(fd)
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", self.NAME, flags))
        self._ours = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        fcntl.ioctl(self._ours, SIOCSIFMTU, struct.pack("16si20x", self.NAME, mtu))
        fcntl.ioctl(self._ours, SIOCSIFFLAGS, struct.pack("16sH22x", self.NAME, IFF_UP))
        self._ours.bind((self.NAME.decode(), ETH_P_ALL))
        self._ours.setblocking(False)
        return True

    @property
    def fds(self):
        return tuple(self._queues)

    def arguments(self, name):
        fds = ":".join(map(str, self._queues))
        return ["-netdev", f"tap,id={name},vhost=off,fd{'s' if len(self._queues) > 1 else ''}={fds}"]

    def close(self):
        """Give the files back."""
        if self._ours:
            self._ours.close()
        for fd in self._queues:
            os.close(fd)
        self._queues = []

    send = Datagrams.send
    receive = Datagrams.receive
