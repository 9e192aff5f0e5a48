# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""A guest of QEMU's under software emulation, and the prompt of the testpmd in it."""

import os
import re
import shlex

from image import PLUGIN, guest_files
from qmp import Monitor
from testpmd import Testpmd, TestpmdError

VFIO = "vfio-pci"
UIO = "uio_pci_generic"
MEMORY = 512
HUGEPAGES = 100
BOOT_LIMIT = 60
# A machine may be too busy for the kernel's checks of its timers, and an emulated processor leaks
# nothing to anybody.
KERNEL = ["console=ttyS1", "quiet", "panic=-1", "random.trust_cpu=on", "tsc=reliable",
          "no_timer_check", "mitigations=off"]

_UP = re.compile(r"^(\S+): up: (\d+) rx and (\d+) tx queues, features (0x[0-9a-f]+) \(([^)]*)\), "
                 r'rx path "([^"]*)", tx path "([^"]*)"', re.M)
_STATUS = re.compile(r"^\S+ ended with status (\d+)$", re.M)


class Nic:
    """A virtio-net-pci function and what is behind it.

    wire: where frames go, of wire.py.
    slot: its number on the root bus, or that of the port there that it can be unplugged from.
    driver: the kernel's. Under VFIO it reaches memory through an emulated IOMMU.
    devargs: our driver's arguments.
    properties: QEMU's for the device: packed=False, rx_queue_size=1024.
    """

    def __init__(self, wire, slot=1, driver=VFIO, unpluggable=False, devargs="", **properties):
        self.wire = wire
        self.slot = slot
        self.driver = driver
        self.unpluggable = unpluggable
        self.devargs = devargs
        self.id = f"nic{slot}"
        self.mac = f"52:54:00:00:00:{slot:02x}"
        self.address = None  # in the guest; set by Machine
        self._properties = {"packed": True, "event_idx": True, "disable-legacy": True,
                            "iommu_platform": driver == VFIO, **properties}

    def arguments(self):
        """QEMU's."""
        place = f"bus=pcie.0,addr={self.slot:#x}"
        port = []
        if self.unpluggable:
            port = ["-device", f"pcie-root-port,id=port{self.slot},chassis={self.slot},{place}"]
            place = f"bus=port{self.slot},addr=0"
        words = {True: "on", False: "off"}
        properties = "".join(f",{name}={words[value] if isinstance(value, bool) else value}"
                             for name, value in self._properties.items())
        return [*self.wire.arguments(f"wire{self.slot}"), *port, "-device",
                f"virtio-net-pci,id={self.id},netdev=wire{self.slot},mac={self.mac},romfile=,"
                f"{place}{properties}"]


class Machine(Testpmd):
    """One QEMU that boots, runs a program on QEMU's terminal, and is off when that has ended.

    folder: where its files go.
    kit: the Kit of kit.py.
    nics: list of Nic.
    command: what to run, given the devices' addresses and arguments as EAL takes them.
    memory: in MB.
    before: shell commands to run first.
    files: (name, file) pairs, more files for the guest.
    """

    __test__ = False

    def __init__(self, folder, kit, nics, command, memory=MEMORY, before="", files=(),
                 name="guest"):
        super().__init__([], env=kit.env, log=os.path.join(folder, f"{name}.log"))
        self.nics = list(nics)
        self.monitor = Monitor()
        self._kit = kit
        self._archive = os.path.join(folder, f"{name}.cpio")
        self._kernel_log = os.path.join(folder, f"{name}.kernel")
        self._files = files
        self._find()
        allowed = [arg for nic in nics
                   for arg in ("-a", ",".join(filter(None, (nic.address, nic.devargs))))]
        self._script = "".join([f"hugepages {HUGEPAGES}\n",
                                *(f"bind {nic.address} {nic.driver}\n" for nic in nics),
                                before, f"run {shlex.join(command(allowed))}\n"])
        self.argv = self._qemu(memory)
        self.pass_fds = (self.monitor.fd, *(fd for nic in nics for fd in nic.wire.fds))

    def _find(self):
        """Tell devices their addresses: the firmware numbers buses behind ports as they come."""
        ports = sorted(nic.slot for nic in self.nics if nic.unpluggable)
        for nic in self.nics:
            nic.address = (f"0000:{ports.index(nic.slot) + 1:02x}:00.0" if nic.unpluggable
                           else f"0000:00:{nic.slot:02x}.0")

    def _qemu(self, memory):
        iommu = any(nic.driver == VFIO for nic in self.nics)
        shared = any(nic.wire.shares_memory for nic in self.nics)
        words = KERNEL + (["intel_iommu=on"] if iommu else [])
        return [*self._kit.qemu, "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "1",
                "-m", str(memory), "-nodefaults", "-display", "none", "-no-reboot",
                "-chardev", "stdio,id=terminal,signal=off", "-serial", "chardev:terminal",
                "-serial", f"file:{self._kernel_log}", *self.monitor.arguments(),
                "-kernel", self._kit.linux, "-initrd", self._archive, "-append", " ".join(words),
                *(["-object", f"memory-backend-memfd,id=memory,size={memory}M,share=on",
                   "-machine", "memory-backend=memory"] if shared else []),
                *(["-device", "intel-iommu,intremap=on,device-iotlb=on"] if iommu else []),
                *(arg for nic in self.nics for arg in nic.arguments())]

    def start(self, timeout=BOOT_LIMIT):
        """Boot, and wait until the program is there. Returns self."""
        guest_files(self._archive, self._kit.image, self._kit.plugin, self._script, self._files)
        super().start(timeout)
        self.monitor.connect()
        return self

    def quit(self, timeout=30):
        """Make the program leave, and with it the guest. Returns the program's status, None if it
        was not there."""
        status = super().quit(timeout)
        if status is None:
            return None
        match = _STATUS.search(self.output())
        if match is None:
            raise TestpmdError(f"QEMU ended with status {status}, and the program's did not come\n"
                               f"{self.tail()}")
        return status or int(match.group(1))

    def kill9(self):
        """End QEMU at once."""
        status = super().kill9()
        self.monitor.close()
        return status

    def kernel_log(self):
        """What the guest has written to its second terminal, where the kernel writes."""
        try:
            with open(self._kernel_log, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def tail(self, lines=25):
        """The last lines printed by the program, and by the kernel."""
        kernel = self.kernel_log().splitlines()[-lines:]
        return "\n".join([super().tail(lines), *(f"kernel: {line}" for line in kernel)])


class Guest(Machine):
    """A guest with testpmd; commands and output are those of Testpmd.

    eal, app: testpmd's arguments, on top of what it needs.
    pvq: whether the plugin is loaded.
    shared: whether it has its memory in files, as processes need that share it.
    cores: testpmd's forwarding lcores; the guest has one processor whatever they are.
    more: as for Machine.
    """

    __test__ = False

    def __init__(self, folder, kit, nics, eal=(), app=(), pvq=True, shared=False, cores=1,
                 **more):
        def command(allowed):
            return [kit.program, "--lcores", f"(0-{cores})@0", "--main-lcore", "0", "-m", "128",
                    *([] if shared else ["--in-memory"]), *allowed,
                    *(["-d", PLUGIN] if pvq else []), *eal, "--", "-i",
                    "--total-num-mbufs=4096", "--mbcache=64", f"--nb-cores={cores}",
                    "--port-topology=loop", *app]
        super().__init__(folder, kit, nics, command, **more)

    def came_up(self, nic=0):
        """What the driver logged when a port last came up: (rx queues, tx queues, names of
        features, rx path, tx path)."""
        address = self.nics[nic].address
        found = [match for match in _UP.finditer(self.output()) if match.group(1) == address]
        assert found, f"{address} did not come up\n{self.tail()}"
        _, rx, tx, _, features, rx_path, tx_path = found[-1].groups()
        return int(rx), int(tx), set(features.split()), rx_path, tx_path


class Example(Machine):
    """A guest with another program than testpmd, for instance pvq-forward; ended by Ctrl-C.

    program: a file of this system. args: EAL's arguments and its own. ready: a regular expression
    of what it prints once it runs.
    """

    __test__ = False
    LEAVE = b"\x03"

    def __init__(self, folder, kit, nics, program, args=(), ready="^", files=(), **more):
        inside = os.path.join("/pvq", os.path.basename(program))
        self.READY = ready  # pylint: disable=invalid-name

        def command(allowed):
            return [inside, "--lcores", "0@0", "-m", "128", "--in-memory", *allowed, *args]
        super().__init__(folder, kit, nics, command, files=[(inside, program), *files], **more)


def boot(box, kit, *nics, kind=Guest, **more):
    """Start a guest that belongs to a Box, with its wires."""
    for nic in nics:
        box.closers.append(nic.wire.close)
    machine = kind(box.folder, kit, nics, name=f"guest{len(box.pmds)}", **more)
    box.pmds.append(machine)
    return machine.start()
