# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""An Open vSwitch with DPDK that lives in one folder and nowhere else.

The bridge br0 has vh0, a dpdkvhostuser port (it listens on <folder>/vh0), and vh1, a
dpdkvhostuserclient port (it connects to <folder>/vh1.sock); whatever comes in at one goes out at
the other.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import time

PROGRAMS = ("/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk", "/usr/sbin/ovsdb-server",
            "/usr/bin/ovsdb-tool", "/usr/bin/ovs-vsctl", "/usr/bin/ovs-ofctl")
SWITCH, DATABASE, TOOL, VSCTL, OFCTL = PROGRAMS
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
SECONDS = 30
# OVS adds --in-memory, which does not go with --no-huge, unless it sees --legacy-mem.
EAL_ARGS = "--no-pci --no-huge --legacy-mem -m 256"

_libc = ctypes.CDLL(None)


class Switch:
    """set_up() brings it to life, close() ends it."""

    def __init__(self, folder):
        self.folder = folder
        self._env = dict(os.environ, OVS_RUNDIR=folder, OVS_LOGDIR=folder, OVS_DBDIR=folder,
                         OVS_SYSCONFDIR=folder, RUNTIME_DIRECTORY=folder)
        self._database = self._switch = None

    def set_up(self):
        """Start both processes and make the bridge."""
        self._run(TOOL, "create", self._path("conf.db"), SCHEMA)
        self._database = self._daemon(DATABASE, self._path("conf.db"),
                                      "--remote=punix:" + self._path("db.sock"))
        self._wait(lambda: os.path.exists(self._path("db.sock")), "ovsdb-server")
        cpu = 1 << max(os.sched_getaffinity(0))
        self.vsctl("--no-wait", "init")
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                   "other_config:dpdk-extra=" + EAL_ARGS,
                   "other_config:per-port-memory=true",  # small pools, for small rings
                   f"other_config:pmd-cpu-mask={cpu:#x}",
                   f"other_config:dpdk-lcore-mask={1 << min(os.sched_getaffinity(0)):#x}")
        self.start()
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
                   "fail_mode=secure")
        self.add_ports()

    def add_ports(self):
        """Add both ports, and flows: what comes in at one goes out at the other."""
        self.vsctl("add-port", "br0", "vh0", "--", "set", "Interface", "vh0", "type=dpdkvhostuser")
        self.vsctl("add-port", "br0", "vh1", "--", "set", "Interface", "vh1",
                   "type=dpdkvhostuserclient",
                   "options:vhost-server-path=" + self._path("vh1.sock"))
        self.add_flows()

    def start(self):
        """Start ovs-vswitchd, for the first time or after kill9()."""
        if os.path.exists(self._path("vh0")):
            os.unlink(self._path("vh0"))  # as the scripts that restart a crashed switch do
        self._switch = self._daemon(SWITCH, "unix:" + self._path("db.sock"),
                                    "--unixctl=" + self._path("ctl"))
        self._wait(lambda: os.path.exists(self._path("ctl")), "ovs-vswitchd")
        self.vsctl("wait-until", "Open_vSwitch", ".", "dpdk_initialized=true")

    def add_flows(self):
        """The flows of add_ports(), which do not outlive ovs-vswitchd."""
        self._wait(lambda: os.path.exists(self._path("br0.mgmt")), "br0")
        for source, target in (("vh0", "vh1"), ("vh1", "vh0")):
            self._run(OFCTL, "--timeout", str(SECONDS), "add-flow",
                      "unix:" + self._path("br0.mgmt"), f"in_port={source},actions=output:{target}")

    def kill9(self):
        """End ovs-vswitchd as a crash would."""
        self._end(self._switch, signal.SIGKILL)
        self._switch = None
        for name in ("ctl", "br0.mgmt", "br0.snoop"):
            if os.path.exists(self._path(name)):
                os.unlink(self._path(name))

    def vsctl(self, *args):
        """Run ovs-vsctl; returns what it printed."""
        return self._run(VSCTL, "--timeout", str(SECONDS), "--db=unix:" + self._path("db.sock"),
                         *args)

    def close(self):
        """End both processes."""
        for proc in (self._switch, self._database):
            self._end(proc, signal.SIGTERM)
        shutil.rmtree(self._path("dpdk"), ignore_errors=True)
        for name in os.listdir(self.folder):
            if name in ("vh0", "ctl", "db.sock") or name.endswith((".mgmt", ".snoop", ".ctl")):
                os.unlink(self._path(name))

    def log(self, lines=15):
        """The end of what ovs-vswitchd printed."""
        with open(self._path("ovs-vswitchd-dpdk.out"), encoding="utf-8") as file:
            return "".join(file.readlines()[-lines:])

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _run(self, *argv):
        done = subprocess.run(argv, env=self._env, capture_output=True, text=True,
                              timeout=SECONDS + 5, check=False)
        assert done.returncode == 0, f"{' '.join(argv)}\n{done.stderr}{self._tail()}"
        return done.stdout

    def _tail(self):
        return self.log() if self._switch else ""

    def _daemon(self, program, *args):
        parent = os.getpid()

        def die_with_parent():
            _libc.prctl(1, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(127)

        with open(self._path(os.path.basename(program) + ".out"), "ab") as out:
            return subprocess.Popen([program, *args], env=self._env, stdin=subprocess.DEVNULL,
                                    stdout=out, stderr=out, cwd=self.folder,
                                    preexec_fn=die_with_parent)

    @staticmethod
    def _end(proc, how):
        if proc is None or proc.poll() is not None:
            return
        proc.send_signal(how)
        try:
            proc.wait(10)
        except subprocess.TimeoutExpired:
            proc.kill()
            proc.wait()

    def _wait(self, condition, what):
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"{what} does not come up\n{self._tail()}"
            time.sleep(0.05)
