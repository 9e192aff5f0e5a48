# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""The processes of the endurance test: the program that sends and verifies, and its backends."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import threading
import time

from testpmd import PR_SET_PDEATHSIG, Testpmd, TestpmdError

PORTS = (0, 1)
PAIRS = 4
REPLY_SECONDS = 60

_libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """A command that the program could not do; `number` is its errno."""

    def __init__(self, text):
        super().__init__(text)
        self.number = int(text.split()[1])


class Traffic:
    """The program of test/soak."""

    def __init__(self, args, folder, memory, devargs):
        self.log = args.log or os.path.join(folder, "soak.log")
        cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        argv = [args.program, "--lcores", f"(0-{len(devargs)})@({cpus})", "--main-lcore", "0",
                "--no-pci", *memory, "-d", os.path.abspath(args.plugin), "--", str(args.seed),
                *devargs]
        with open(self.log, "ab") as log:
            self.proc = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                bufsize=1, env=dict(os.environ, RUNTIME_DIRECTORY=folder), start_new_session=True,
                preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        self.reply()

    def send(self, line):
        """Give a command without waiting for what comes of it."""
        self.proc.stdin.write(line + "\n")
        self.proc.stdin.flush()

    def reply(self):
        """What came of the command: the text behind "ok". Raises Refused for an error."""
        # EAL prints to stdout as well.
        for line in self.proc.stdout:
            if line.startswith("ok"):
                return line[3:].strip()
            if line.startswith("error "):
                raise Refused(line.strip())
        raise RuntimeError(f"the program has ended with status {self.proc.wait(10)}:\n"
                           + "".join(self.tail()))

    def command(self, line):
        """A command and what came of it."""
        self.send(line)
        return self.reply()

    def counts(self, port=None):
        """What became of the frames of a port, or of all."""
        return json.loads(self.command("counts" if port is None else f"counts {port}"))

    def sample(self):
        """What the process has allocated."""
        values = json.loads(self.command("memory"))
        folder = f"/proc/{self.proc.pid}"
        with open(folder + "/status", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        values["anon_kb"] = int(fields["RssAnon"].split()[0])
        values["threads"] = int(fields["Threads"])
        values["files"] = len(os.listdir(folder + "/fd"))
        return values

    def tail(self, lines=20):
        """The end of its log."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.readlines()[-lines:]

    def log_lines(self, pattern):
        """Lines of its log that match."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return [line.strip() for line in file if pattern.search(line)]

    def end(self):
        """Have it leave; returns its exit status."""
        try:
            self.proc.stdin.close()
        except OSError:
            pass  # it has gone by itself
        try:
            return self.proc.wait(30)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            return self.proc.wait()
        finally:
            self.proc.stdout.close()


class Backend:
    """A stock testpmd that sends back what comes out of net_vhost, killed and started at will."""

    def __init__(self, path, connects, testpmd, pool):
        self.path = path
        self.connects = connects
        self.testpmd = testpmd
        self.pool = pool
        self.pmd = None
        self.due = None
        self._starting = None

    def start(self):
        """Start it, in a thread of its own: ready() tells when it is done."""
        self.due = None
        # A server that was killed leaves its socket.
        if not self.connects and os.path.exists(self.path):
            os.unlink(self.path)
        cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        client = ",client=1" if self.connects else ""
        self.pmd = Testpmd(
            ["--lcores", f"(0-1)@({cpus})", "--main-lcore", "0", "--no-pci", "--no-huge", "-m", "192",
             "--vdev", f"net_vhost0,iface={self.path},queues={PAIRS}{client}"],
            ["--nb-cores=1", f"--rxq={PAIRS}", f"--txq={PAIRS}", "--rxd=512", "--txd=512",
             "--total-num-mbufs=16384", "--mbuf-size=4608", "--port-topology=loop",
             "--no-flush-rx"], program=self.testpmd)
        self._starting = self.pool.submit(self._start, self.pmd)

    @staticmethod
    def _start(pmd):
        pmd.start()
        pmd.command("start")

    def _wait_started(self):
        """Whether it came as far as forwarding."""
        starting, self._starting = self._starting, None
        try:
            if starting:
                starting.result()
        except (TestpmdError, OSError):
            return False
        return True

    def kill(self, seconds):
        """End it as a crash would; to be started again after some seconds."""
        pid = self.pmd.pid
        if pid is not None and self.pmd.alive():
            os.kill(pid, signal.SIGKILL)
        self._wait_started()
        self.pmd.kill9()
        self.pmd = None
        self.due = time.monotonic() + seconds

    def start_when_due(self, now):
        """Start it again if it is time."""
        if self.pmd is None and self.due is not None and self.due <= now:
            self.start()

    def ready(self):
        """Whether it forwards."""
        if self.pmd is None or (self._starting and not self._starting.done()):
            return False
        if not self._wait_started() or not self.pmd.alive():
            # It could not start, perhaps since the last one's files were still in use.
            self.pmd.kill9()
            self.pmd = None
            self.due = time.monotonic() + 1
            return False
        return True

    def end(self):
        """End it for good."""
        if self.pmd is not None:
            self.kill(0)
        self.due = None
        if not self.connects and os.path.exists(self.path):
            os.unlink(self.path)


class Telemetry(threading.Thread):
    """Asks the program's telemetry socket without end, as a monitoring system would."""

    REQUESTS = ("/ethdev/list", "/ethdev/link_status,{}", "/ethdev/info,{}", "/pvq/list",
                "/pvq/port,{}", "/pvq/ring,{},rx,0", "/pvq/ring,{},tx,0", "/mempool/list",
                "/eal/memzone_list")

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder = folder
        self.answers = 0
        self.ended = threading.Event()
        # Held by who unplugs a port: ethdev's own telemetry does not expect that.
        self.lock = threading.Lock()

    def run(self):
        while not self.ended.wait(0.05):
            try:
                self.converse()
            except OSError:
                pass  # it is not there yet, or not any more

    def converse(self):
        """Ask everything, again and again, on one connection."""
        paths = [os.path.join(base, name) for base, _, names in os.walk(self.folder)
                 for name in names if name.startswith("dpdk_telemetry.v2")]
        if not paths:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
            sock.settimeout(10)
            sock.connect(paths[0])
            sock.recv(1 << 16)
            while not self.ended.wait(0.01):
                for request in self.REQUESTS:
                    with self.lock:
                        sock.send(request.format(self.answers % len(PORTS)).encode())
                        sock.recv(1 << 20)
                    self.answers += 1
