# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Drive one interactive dpdk-testpmd, for the demonstration and the system tests.

    with Testpmd(["--no-huge", "-m", "256", "--vdev", "net_vhost0,iface=" + sock]) as pmd:
        pmd.command("start")
        print(pmd.stats(0)["rx_packets"])

Each process gets a run-time directory of its own, so any number may run at the same time without
thinking of --file-prefix. The kernel kills the process when the thread that started it ends, so a
test that dies leaves nothing behind: start from the main thread.
"""

import codecs
import ctypes
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import termios
import threading
import time

PROMPT = "testpmd> "
PR_SET_PDEATHSIG = 1
TELEMETRY_MAX = 1 << 20

_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[^\[])|[\r\x07]")
_ESCAPE_CUT = re.compile(r"\x1b(?:\[[0-9;?]*)?$")
_REFUSED = re.compile(r"^(Bad arguments|Command not found|Ambiguous command|Incomplete command)",
                      re.M)
_FORWARD = re.compile(
    r"[-+]{2} (?:Forward statistics for port (\d+)|"
    r"(?:Accumulated forward statistics for all ports)) *[-+]+\n(.*?)\n *[-+]{20}", re.S)
_COUNTER = re.compile(r"([RT][Xx]-[\w-]+): *(\d+)")
_XSTAT = re.compile(r"^(\w+): (\d+)$", re.M)

# The prompt is written one character after the other, so what other threads print may stand between
# them: events and log lines.
_BETWEEN = r"(?:\n|(?:Port |VHOST_|EAL|PMD|net_|rte_|[\da-f]{4}:[\da-f]{2}:)[^\n]*\n)*"
_PROMPT = _BETWEEN.join(map(re.escape, PROMPT))

_libc = ctypes.CDLL(None, use_errno=True)


class TestpmdError(Exception):
    """testpmd ended, hung or refused a command; the message ends with its last output."""

    __test__ = False  # pytest would collect it by its name


def _counters(text):
    return {name.lower().replace("-", "_"): int(value) for name, value in _COUNTER.findall(text)}


def forward_stats(text):
    """What `stop` printed, by port number, and "all": rx_packets, rx_dropped, rx_total, tx_..."""
    return {int(port) if port else "all": _counters(body) for port, body in _FORWARD.findall(text)}


class Testpmd:
    """One dpdk-testpmd process and its prompt.

    eal_args, app_args: lists of arguments before and after `--`; `-i` is added.
    env: variables on top of this process's own.
    log: a file that receives everything printed, as it is printed; None for no file.
    wrapper: a command to put in front, such as ["valgrind", "--error-exitcode=9"].
    program: the testpmd to run.
    """

    __test__ = False
    # What it prints once it is there, and what makes it leave; of other programs something else.
    READY = _PROMPT
    LEAVE = b"quit\n"

    def __init__(self, eal_args, app_args=(), env=None, log=None, wrapper=(),
                 program="dpdk-testpmd"):
        self.argv = [*wrapper, program, *eal_args, "--", "-i", *app_args]
        self.runtime_dir = None
        self.pass_fds = ()  # files that the process inherits
        self._env = env or {}
        self._log_path = log
        self._log = None
        self._proc = None
        self._terminal = -1
        self._reader = None
        self._text = ""
        self._ended = False
        self._changed = threading.Condition()

    # -- life ---------------------------------------------------------------------------------

    def start(self, timeout=60):
        """Start the process and wait for its first prompt. Returns self."""
        self._text = ""
        self._ended = False
        # A terminal, not a pipe: stdio buffers whole blocks into a pipe, and the prompt, which
        # is written at once, would overtake the output before it.
        self._terminal, slave = pty.openpty()
        attr = termios.tcgetattr(slave)
        attr[1] &= ~termios.OPOST
        attr[3] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(slave, termios.TCSANOW, attr)
        self.runtime_dir = tempfile.mkdtemp(prefix="pvq-testpmd-")
        if self._log_path:
            self._log = open(self._log_path, "a", encoding="utf-8")
            self._log.write("$ " + " ".join(self.argv) + "\n")
        env = dict(os.environ, RUNTIME_DIRECTORY=self.runtime_dir, TERM="dumb")
        env.update(self._env)
        parent = os.getpid()

        def die_with_parent():
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(127)

        try:
            self._proc = subprocess.Popen(self.argv, stdin=slave, stdout=slave, stderr=slave,
                                          env=env, start_new_session=True,
                                          pass_fds=self.pass_fds, preexec_fn=die_with_parent)
        except BaseException:
            self._release()
            raise
        finally:
            os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.wait_for(self.READY, timeout, since=0, name="a prompt")
        except BaseException:
            self.kill9()
            raise
        return self

    def quit(self, timeout=20):
        """Leave by testpmd's own `quit`. Returns the exit status, None if it was not running.

        A process that does not end is killed, and TestpmdError raised.
        """
        if self._proc is None:
            return None
        try:
            os.write(self._terminal, self.LEAVE)
        except OSError:
            pass  # it ended by itself: the status tells
        try:
            self._proc.wait(timeout)
        except subprocess.TimeoutExpired:
            tail = self.tail()
            self.kill9()
            raise TestpmdError(f"testpmd did not end within {timeout} s of quit\n{tail}") from None
        return self.kill9()

    def kill9(self):
        """End the process at once, as a crash would. Returns its exit status."""
        if self._proc is None:
            return None
        if self._proc.poll() is None:
            self._proc.kill()
        status = self._proc.wait()
        self._reader.join(5)
        self._proc = None
        self._release()
        return status

    def _release(self):
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1
        if self._log:
            self._log.close()
            self._log = None
        if self.runtime_dir:
            shutil.rmtree(self.runtime_dir, ignore_errors=True)
            self.runtime_dir = None

    def __enter__(self):
        return self if self._proc else self.start()

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.quit()
        else:
            self.kill9()

    @property
    def pid(self):
        """Process id of what was started (the wrapper's, where there is one), or None."""
        return self._proc.pid if self._proc else None

    def threads(self):
        """Names of its threads, sorted."""
        names = []
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{task}/comm", encoding="ascii") as file:
                    names.append(file.read().strip())
            except FileNotFoundError:
                pass  # it has just ended
        return sorted(names)

    def files(self):
        """How many files it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def alive(self):
        """Whether the process runs."""
        return self._proc is not None and self._proc.poll() is None

    # -- output -------------------------------------------------------------------------------

    def _read(self):
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        pending = ""
        while True:
            try:
                data = os.read(self._terminal, 65536)
            except OSError:  # how Linux says that the other side of a terminal is gone
                data = b""
            if not data:
                break
            text = pending + decoder.decode(data)
            cut = _ESCAPE_CUT.search(text)
            pending = cut.group() if cut else ""
            text = _ESCAPE.sub("", text[:len(text) - len(pending)])
            if self._log:
                self._log.write(text)
                self._log.flush()
            with self._changed:
                self._text += text
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def mark(self):
        """The present end of the output: a position for `since`."""
        with self._changed:
            return len(self._text)

    def output(self, since=0):
        """Everything printed from position `since` on, without terminal escapes."""
        with self._changed:
            return self._text[since:]

    def tail(self, lines=25):
        """The last lines printed."""
        return "\n".join(self.output().splitlines()[-lines:])

    def wait_for(self, regex, timeout=10, since=None, name=None):
        """Wait until `regex` (multi-line mode) matches the output; returns the match.

        since: position to search from; by default only what is printed from now on counts.
        name: what to call it when it does not come.
        """
        pattern = re.compile(regex, re.M)
        deadline = time.monotonic() + timeout
        with self._changed:
            start = len(self._text) if since is None else since
            while True:
                match = pattern.search(self._text, start)
                if match:
                    return match
                left = deadline - time.monotonic()
                if self._ended:
                    raise TestpmdError(f"testpmd ended before printing {name or repr(regex)}\n"
                                       + "\n".join(self._text.splitlines()[-25:]))
                if left <= 0:
                    raise TestpmdError(f"no {name or repr(regex)} from testpmd within {timeout} s\n"
                                       + "\n".join(self._text.splitlines()[-25:]))
                self._changed.wait(left)

    # -- commands -----------------------------------------------------------------------------

    def command(self, line, timeout=15, check=True):
        """Type one command; returns what it printed, up to the next prompt.

        check: raise TestpmdError if testpmd does not know the command or its arguments.
        """
        if self._proc is None:
            raise TestpmdError("testpmd is not running")
        start = self.mark()
        try:
            os.write(self._terminal, line.encode() + b"\n")
        except OSError:
            pass  # it has just ended: wait_for says so
        match = self.wait_for(_PROMPT, timeout, since=start, name="a prompt")
        text = self.output(start)[:match.start() - start]
        text = text.partition("\n")[2]  # the echo
        if check and _REFUSED.search(text):
            raise TestpmdError(f"testpmd refuses {line!r}: {text.strip()}")
        return text

    def commands(self, *lines):
        """Several commands; returns all that they printed."""
        return "".join(self.command(line) for line in lines)

    def stats(self, port):
        """`show port stats`: rx_packets, rx_missed, rx_bytes, rx_errors, rx_nombuf, tx_..., and
        rx_pps, tx_pps since it was last asked."""
        return _counters(self.command(f"show port stats {port}"))

    def xstats(self, port):
        """`show port xstats`, by name."""
        text = self.command(f"show port xstats {port}")
        return {name: int(value) for name, value in _XSTAT.findall(text)}

    def link_up(self, port):
        """Whether the link of a port is up."""
        match = re.search(r"Link status: (\w+)", self.command(f"show port info {port}"))
        return match is not None and match.group(1) == "up"

    def wait_link(self, port, up=True, timeout=10):
        """Wait until the link of a port is up, or down."""
        deadline = time.monotonic() + timeout
        while self.link_up(port) != up:
            if time.monotonic() > deadline:
                raise TestpmdError(f"link of port {port} not {'up' if up else 'down'} within "
                                   f"{timeout} s\n{self.tail()}")
            time.sleep(0.05)

    def burst_mode(self, port, queue=0):
        """The burst modes of a queue pair as the driver names them: (rx, tx), "" if it does not."""
        modes = []
        for side in ("rxq", "txq"):
            text = self.command(f"show {side} info {port} {queue}")
            match = re.search(r"^Burst mode: (.*)$", text, re.M)
            modes.append(match.group(1).strip() if match else "")
        return tuple(modes)

    def stop(self, timeout=20):
        """Stop forwarding; returns forward_stats()."""
        return forward_stats(self.command("stop", timeout))

    # -- telemetry ----------------------------------------------------------------------------

    def telemetry(self, request, timeout=5):
        """Ask the process's telemetry socket, e.g. "/pvq/port,0"; returns the answer's value."""
        path = self._telemetry_path()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
            sock.settimeout(timeout)
            sock.connect(path)
            sock.recv(TELEMETRY_MAX)
            sock.send(request.encode())
            answer = json.loads(sock.recv(TELEMETRY_MAX))
        return answer.get(request.partition(",")[0])

    def _telemetry_path(self):
        for folder, _, files in os.walk(self.runtime_dir):
            for name in files:
                if name.startswith("dpdk_telemetry.v2"):
                    return os.path.join(folder, name)
        raise TestpmdError("testpmd has no telemetry socket")
