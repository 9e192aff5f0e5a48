# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""A guest of QEMU's under software emulation, and the prompt of the testpmd in it."""

import os
import re
import shlex

from image import PLUGIN, guest_files
from qmp import Monitor
from testpmd import Testpmd, TestpmdError

MEMORY = 512
HUGEPAGES = 100
MAC = "52:54:00:00:00:01"
BOOT_LIMIT = 60

_UP = re.compile(r"^(\S+): up: (\d+) rx and (\d+) tx queues, features (0x[0-9a-f]+) \(([^)]*)\), "
                 r'rx path "([^"]*)", tx path "([^"]*)"', re.M)
_STATUS = re.compile(r"^\S+ ended with status (\d+)$", re.M)


class Nic:
    """A virtio-net-pci function and what is behind it.

    wire: where frames go, of wire.py.
    slot: its number on the root bus, or on a port of its own there that can be unplugged.
    iommu: whether its addresses go through the IOMMU.
    properties: QEMU's for the device: packed=False, rx_queue_size=1024.
    """

    def __init__(self, wire, slot=1, iommu=True, unpluggable=False, mac=MAC, **properties):
        self.wire = wire
        self.slot = slot
        self.id = f"nic{slot}"
        self.mac = mac
        self._unpluggable = unpluggable
        self._properties = {"packed": True, "event_idx": True, "disable-legacy": True,
                            "iommu_platform": iommu, **properties}

    @property
    def address(self):
        """The function's address in the guest."""
        return f"0000:{self.slot:02x}:00.0" if self._unpluggable else f"0000:00:{self.slot:02x}.0"

    def arguments(self):
        """QEMU's."""
        place = f"bus=pcie.0,addr={self.slot:#x}"
        port = []
        if self._unpluggable:
            port = ["-device", f"pcie-root-port,id=port{self.slot},chassis={self.slot},{place}"]
            place = f"bus=port{self.slot},addr=0"
        words = {True: "on", False: "off"}
        properties = "".join(f",{name}={words[value] if isinstance(value, bool) else value}"
                             for name, value in self._properties.items())
        return [*self.wire.arguments(f"wire{self.slot}"), *port, "-device",
                f"virtio-net-pci,id={self.id},netdev=wire{self.slot},mac={self.mac},romfile=,"
                f"{place}{properties}"]


class Guest(Testpmd):
    """One QEMU with a testpmd in it; commands and output are those of Testpmd.

    folder: where its files go.
    kit: the Kit of kit.py.
    nics: list of Nic.
    driver: the kernel's for them, vfio-pci (with an emulated IOMMU) or uio_pci_generic (without).
    eal, app: testpmd's arguments, on top of what it needs.
    pvq: whether the plugin is loaded.
    devargs: the driver's, for all nics.
    cores: testpmd's forwarding lcores; the guest has one processor whatever they are.
    memory: of the guest, in MB.
    more: (name, file) pairs, more files for the guest.
    """

    __test__ = False

    def __init__(self, folder, kit, nics, driver="vfio-pci", eal=(), app=(), pvq=True, devargs="",
                 cores=1, memory=MEMORY, more=(), name="guest"):
        lcores = f"(0-{cores})@0"
        devargs = "," + devargs if devargs else ""
        allowed = [arg for nic in nics for arg in ("-a", nic.address + devargs)]
        super().__init__(["--lcores", lcores, "--main-lcore", "0", "-m", "128", "--in-memory",
                          *allowed, *(["-d", PLUGIN] if pvq else []), *eal],
                         ["--total-num-mbufs=4096", "--mbcache=64", f"--nb-cores={cores}",
                          "--port-topology=loop", *app],
                         env=kit.env, log=os.path.join(folder, f"{name}.log"), program=kit.program)
        self.nics = list(nics)
        self.monitor = Monitor()
        self._kit = kit
        self._files = os.path.join(folder, f"{name}.cpio")
        self._kernel_log = os.path.join(folder, f"{name}.kernel")
        self._more = more
        self._script = "".join([f"hugepages {HUGEPAGES}\n",
                                *(f"bind {nic.address} {driver}\n" for nic in nics),
                                f"run {shlex.join(self.argv)}\n"])
        self.argv = self._qemu(memory, driver == "vfio-pci")
        self.pass_fds = (self.monitor.fd, *(fd for nic in nics for fd in nic.wire.fds))

    def _qemu(self, memory, iommu):
        words = ["console=ttyS1", "quiet", "panic=-1", "random.trust_cpu=on", "tsc=reliable",
                 "mitigations=off"]
        words += ["intel_iommu=on"] if iommu else []
        wires = any(nic.wire.shares_memory for nic in self.nics)
        return [*self._kit.qemu, "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "1",
                "-m", str(memory), "-nodefaults", "-display", "none", "-no-reboot",
                "-chardev", "stdio,id=terminal,signal=off", "-serial", "chardev:terminal",
                "-serial", f"file:{self._kernel_log}", *self.monitor.arguments(),
                "-kernel", self._kit.linux, "-initrd", self._files, "-append", " ".join(words),
                *(["-object", f"memory-backend-memfd,id=memory,size={memory}M,share=on",
                   "-machine", "memory-backend=memory"] if wires else []),
                *(["-device", "intel-iommu,intremap=on"] if iommu else []),
                *(arg for nic in self.nics for arg in nic.arguments())]

    def start(self, timeout=BOOT_LIMIT):
        """Boot, and wait for testpmd's first prompt. Returns self."""
        guest_files(self._files, self._kit.image, self._kit.plugin, self._script, self._more)
        super().start(timeout)
        self.monitor.connect()
        return self

    def quit(self, timeout=30):
        """Leave testpmd, which ends the guest. Returns testpmd's status, None if it was not there."""
        status = super().quit(timeout)
        if status is None:
            return None
        match = _STATUS.search(self.output())
        if match is None:
            raise TestpmdError(f"QEMU ended with status {status}, and testpmd's did not come\n"
                               f"{self.tail()}")
        return status or int(match.group(1))

    def kill9(self):
        """End QEMU at once."""
        status = super().kill9()
        self.monitor.close()
        return status

    def tail(self, lines=25):
        """The last lines printed by testpmd, and by the kernel."""
        text = super().tail(lines)
        try:
            with open(self._kernel_log, encoding="utf-8", errors="replace") as file:
                kernel = file.read().splitlines()[-lines:]
        except FileNotFoundError:
            return text
        return "\n".join([text, *(f"kernel: {line}" for line in kernel)])

    def came_up(self, nic=0):
        """What the driver logged when a port last came up: (rx queues, tx queues, names of
        features, rx path, tx path)."""
        address = self.nics[nic].address
        found = [match for match in _UP.finditer(self.output()) if match.group(1) == address]
        assert found, f"{address} did not come up\n{self.tail()}"
        _, rx, tx, _, features, rx_path, tx_path = found[-1].groups()
        return int(rx), int(tx), set(features.split()), rx_path, tx_path


def boot(box, kit, *nics, **more):
    """Start a guest that belongs to a Box, with its wires."""
    for nic in nics:
        box.closers.append(nic.wire.close)
    guest = Guest(box.folder, kit, nics, name=f"guest{len(box.pmds)}", **more)
    box.pmds.append(guest)
    return guest.start()
