# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Drive one pvq-test-device: the model of a device that the unit tests use, as a process."""

import json
import os
import select
import subprocess
import time

import pytest

from rig import eventually

FEATURES = {"mtu-feature": 3, "mrg-rxbuf": 15, "indirect": 28, "event-idx": 29, "in-order": 35}
ANSWER_SECONDS = 20


class DeviceError(Exception):
    """The device ended, hung or refused a command."""


def program():
    """The program in the build folder under test."""
    path = os.path.join(os.environ.get("PVQ_BUILD", ""), "test", "device", "pvq-test-device")
    if not os.path.exists(path):
        pytest.fail("PVQ_BUILD does not name a build folder with test/device/pvq-test-device")
    return path


class Device:
    """One process, listening at path; settings: of the program, such as "mode=generate"."""

    def __init__(self, box, *settings, path=None):
        self.path = path or box.path("s")
        # It ends by itself when its standard input does, whatever becomes of us.
        self._proc = subprocess.Popen([program(), self.path, *settings], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, bufsize=0)
        self._text = b""
        box.closers.append(self.kill)
        self._answer("start")

    def _answer(self, question):
        deadline = time.monotonic() + ANSWER_SECONDS
        while b"\n" not in self._text:
            ready = select.select([self._proc.stdout], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self._proc.stdout.fileno(), 1 << 16) if ready[0] else b""
            if not data:
                raise DeviceError(f"{question}: " + ("device ended" if ready[0] else "no answer"))
            self._text += data
        line, _, self._text = self._text.partition(b"\n")
        answer = json.loads(line)
        if "error" in answer:
            raise DeviceError(f"{question}: {answer['error']}")
        return answer

    @property
    def pid(self):
        """Of the process."""
        return self._proc.pid

    def ask(self, line):
        """One command; returns its answer."""
        self._proc.stdin.write(line.encode() + b"\n")
        return self._answer(line)

    def stats(self):
        """Counters, by name; "vrings" and "pairs" are lists."""
        return self.ask("stats")

    def vring(self, name):
        """Counters of one virtqueue, by the name that commands use: "rx0"."""
        return self.stats()["vrings"][2 * int(name[2:]) + (name[0] == "t")]

    def pair(self, number=0):
        """What has become of a pair's generated packets."""
        return self.stats()["pairs"][number]

    def violations(self):
        """What the driver did wrong so far, each with the ID of its requirement."""
        return self.ask("violations")["violations"]

    def negotiated(self, name):
        """Whether the driver accepted a feature, by the name of its setting."""
        return bool(self.stats()["features"] >> FEATURES[name] & 1)

    def wait_live(self, vrings=2, timeout=10):
        """Wait until so many virtqueues run."""
        if not eventually(lambda: sum(v["live"] for v in self.stats()["vrings"]) >= vrings, timeout):
            raise DeviceError(f"no {vrings} virtqueues within {timeout} s: {self.stats()}")

    def lie(self, row, vring, after=0, arg=None, timeout=10):
        """Order a lie and wait until it is told."""
        told = self.stats()["told"]
        self.ask(f"lie {row} {vring} {after}" + (f" {arg}" if arg is not None else ""))
        if not eventually(lambda: self.stats()["told"] > told, timeout):
            raise DeviceError(f"{row} not told within {timeout} s: {self.stats()}")

    def flows(self, number=0, packets=1000, timeout=10):
        """Wait until so many packets more of a pair have come back."""
        first = self.pair(number)["returned"]
        return eventually(lambda: self.pair(number)["returned"] >= first + packets, timeout)

    def end(self):
        """Have it leave; returns (exit status, violations)."""
        self._proc.stdin.close()
        answer = self._answer("end")
        status = self._proc.wait(ANSWER_SECONDS)
        self._proc.stdout.close()
        return status, answer["violations"]

    def check(self):
        """end() of a device that has nothing to complain of."""
        status, broken = self.end()
        assert status == 0 and not broken, broken

    def kill(self):
        """End it at once, if it still runs."""
        if self._proc.poll() is None:
            self._proc.kill()
            self._proc.wait()
            if os.path.exists(self.path):
                os.unlink(self.path)
        for pipe in (self._proc.stdin, self._proc.stdout):
            pipe.close()
