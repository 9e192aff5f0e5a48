# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""QEMU's monitor, over a socket that QEMU has inherited."""

import json
import socket
import time


class MonitorError(Exception):
    """QEMU refused a command, or said nothing in time."""


class Monitor:
    """Commands to QEMU and events from it.

        monitor.execute("set_link", name="net0", up=False)
        monitor.wait_event("DEVICE_DELETED", device="net0")
    """

    def __init__(self):
        self._ours, self._theirs = socket.socketpair()
        self._text = b""
        self._events = []

    def arguments(self):
        """QEMU's arguments that make it answer here."""
        return ["-chardev", f"socket,id=monitor,fd={self._theirs.fileno()}",
                "-mon", "chardev=monitor,mode=control"]

    @property
    def fd(self):
        """The file that QEMU must inherit."""
        return self._theirs.fileno()

    def connect(self, timeout=10):
        """Once QEMU runs: read its greeting."""
        self._theirs.close()
        self._next("QMP", time.monotonic() + timeout)
        self.execute("qmp_capabilities")

    def close(self):
        """Give the sockets back."""
        self._ours.close()
        self._theirs.close()

    def execute(self, command, timeout=10, **arguments):
        """Run a command; returns its answer. A _ in an argument's name stands for a hyphen."""
        request = {"execute": command,
                   "arguments": {name.replace("_", "-"): value
                                 for name, value in arguments.items()}}
        self._ours.sendall(json.dumps(request).encode() + b"\n")
        answer = self._next(("return", "error"), time.monotonic() + timeout)
        if "error" in answer:
            raise MonitorError(f"{command} {arguments}: {answer['error']['desc']}")
        return answer["return"]

    def wait_event(self, name, timeout=10, **data):
        """Wait for an event with such data, one from before as well; returns all of its data."""
        deadline = time.monotonic() + timeout
        while True:
            for index, event in enumerate(self._events):
                if event["event"] == name and data.items() <= event.get("data", {}).items():
                    del self._events[index]
                    return event.get("data", {})
            self._events.append(self._next("event", deadline))

    def _next(self, keys, deadline):
        """The next message that has one of these keys; events on the way are kept."""
        keys = (keys,) if isinstance(keys, str) else keys
        while True:
            while b"\n" not in self._text:
                self._ours.settimeout(max(0.001, deadline - time.monotonic()))
                try:
                    data = self._ours.recv(65536)
                except socket.timeout:
                    raise MonitorError(f"QEMU sent no {' or '.join(keys)}") from None
                if not data:
                    raise MonitorError("QEMU has ended")
                self._text += data
            line, _, self._text = self._text.partition(b"\n")
            message = json.loads(line)
            if any(key in message for key in keys):
                return message
            if "event" in message:
                self._events.append(message)
