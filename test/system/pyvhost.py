# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""A vhost-user backend in Python: slow, but what it offers and answers is for the test to say.

It sends every frame of transmit queue N back into receive queue N, and remembers what it was asked.
"""

import mmap
import os
import socket
import struct
import threading

GET_FEATURES, SET_FEATURES, SET_OWNER = 1, 2, 3
SET_MEM_TABLE, SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE = 5, 8, 9, 10, 11
SET_VRING_KICK, SET_VRING_CALL = 12, 13
GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM = 15, 16, 17
SET_VRING_ENABLE, NET_SET_MTU = 18, 20
GET_MAX_MEM_SLOTS, ADD_MEM_REG, REM_MEM_REG, SET_STATUS, GET_STATUS = 36, 37, 38, 39, 40

F_INDIRECT, F_PROTOCOL, F_VERSION_1, F_PACKED = 1 << 28, 1 << 30, 1 << 32, 1 << 34
P_MQ, P_REPLY_ACK, P_MEM_SLOTS, P_STATUS = 1 << 0, 1 << 3, 1 << 15, 1 << 16

_MESSAGE = struct.Struct("<III")
_U64 = struct.Struct("<Q")
_STATE = struct.Struct("<II")
_REGION = struct.Struct("<QQQQ")
_DESC = struct.Struct("<QIHH")
_REPLY, _NEED_REPLY = 1 << 2, 1 << 3
_NEXT, _WRITE, _INDIRECT, _AVAIL, _USED = 1, 2, 4, 1 << 7, 1 << 15
_NET_HDR = struct.pack("<10xH", 1)


class _Ring:
    """One packed ring, as its device sees it."""

    def __init__(self):
        self.size = self.next = 0
        self.wrap = True
        self.addr = 0
        self.on = False


class Backend:
    """Listens on `path`, serves one front-end after the other until close()."""

    def __init__(self, path, features=F_VERSION_1 | F_PACKED | F_INDIRECT | F_PROTOCOL,
                 protocol=P_MQ | P_REPLY_ACK | P_STATUS, queue_pairs=1, slots=0, write=True,
                 mute=()):
        self.features = features
        self.protocol = protocol | (P_MEM_SLOTS if slots else 0)
        self.queue_pairs = queue_pairs
        self.slots = slots
        self.write = write  # whether used descriptors say that they were written to
        self.mute = mute  # requests that are never answered
        self.break_after = None  # requests, after which to hang up
        self.requests = []
        self.regions = []  # (address, bytes, offset in the map, map)
        self.most_regions = 0
        self.looped = 0
        self.error = None
        self._rings = {}
        self._acked = 0
        self._path = path
        self._end = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(1)
        self._listener.settimeout(0.05)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        """End it; raises what went wrong in its thread."""
        self._end.set()
        self._thread.join()
        self._listener.close()
        if os.path.exists(self._path):
            os.unlink(self._path)
        if self.error:
            raise self.error

    def _run(self):
        while not self._end.is_set():
            try:
                conn = self._listener.accept()[0]
            except TimeoutError:
                continue
            try:
                with conn:
                    self._serve(conn)
            except (ConnectionError, EOFError):
                pass
            except Exception as error:  # for close() to raise in the test's thread
                self.error = error
                return
            finally:
                self._rings = {}
                self._forget()

    def _forget(self, gone=lambda region: True):
        for region in filter(gone, self.regions):
            region[3].close()
        self.regions = [region for region in self.regions if not gone(region)]

    # -- messages ------------------------------------------------------------------------------

    def _serve(self, conn):
        served = 0
        while not self._end.is_set() and (self.break_after is None or served < self.break_after):
            busy = any([self._loop(pair) for pair in range(self.queue_pairs)])
            conn.settimeout(0 if busy else 0.001)
            try:
                data, fds, _, _ = socket.recv_fds(conn, _MESSAGE.size, 8)
            except (BlockingIOError, TimeoutError):
                continue
            if not data:
                return
            conn.settimeout(5)
            request, flags, size = _MESSAGE.unpack(data)
            payload = conn.recv(size, socket.MSG_WAITALL) if size else b""
            self.requests.append(request)
            served += 1
            try:
                reply = self._answer(request, payload, fds)
            finally:
                for fd in fds:
                    os.close(fd)
            if reply is None and flags & _NEED_REPLY:
                reply = _U64.pack(0)
            if reply is not None and request not in self.mute:
                conn.sendall(_MESSAGE.pack(request, 1 | _REPLY, len(reply)) + reply)

    def _answer(self, request, payload, fds):
        numbers = {GET_FEATURES: self.features, GET_PROTOCOL_FEATURES: self.protocol,
                   GET_QUEUE_NUM: self.queue_pairs, GET_MAX_MEM_SLOTS: self.slots,
                   GET_STATUS: 0xf}
        if request in numbers:
            return _U64.pack(numbers[request])
        if request == SET_MEM_TABLE:
            self._forget()
            for index, fd in enumerate(fds):
                self._map(_REGION.unpack_from(payload, 8 + index * _REGION.size), fd)
        elif request == ADD_MEM_REG:
            self._map(_REGION.unpack_from(payload, 8), fds[0])
        elif request == REM_MEM_REG:
            addr = _REGION.unpack_from(payload, 8)[2]
            self._forget(lambda region: region[0] == addr)
        elif request == SET_FEATURES:
            self._acked = _U64.unpack(payload)[0]
        elif request == SET_VRING_KICK and not self._acked & F_PROTOCOL:
            self._rings[_U64.unpack(payload)[0] & 0xff].on = True
        elif request in (SET_VRING_NUM, SET_VRING_BASE, GET_VRING_BASE, SET_VRING_ENABLE):
            return self._vring(request, *_STATE.unpack_from(payload))
        elif request == SET_VRING_ADDR:
            index, _, desc, used = struct.unpack_from("<IIQQ", payload)
            self._rings.setdefault(index, _Ring()).addr = desc
            self._write(used, struct.pack("<HH", 0, 1))  # polled: no notifications, please
        return None

    def _vring(self, request, index, value):
        ring = self._rings.setdefault(index, _Ring())
        if request == SET_VRING_NUM:
            ring.size = value
        elif request == SET_VRING_BASE:
            ring.next, ring.wrap = value & 0x7fff, bool(value & 0x8000)
        elif request == SET_VRING_ENABLE:
            ring.on = bool(value)
        else:
            ring.on = False
            return _STATE.pack(index, ring.next | ring.wrap << 15)
        return None

    # -- memory --------------------------------------------------------------------------------

    def _map(self, region, fd):
        _, size, addr, offset = region
        self.regions.append((addr, size, offset, mmap.mmap(fd, size + offset)))
        self.most_regions = max(self.most_regions, len(self.regions))

    def _find(self, addr, size):
        for start, length, offset, memory in self.regions:
            if start <= addr and addr + size <= start + length:
                return memory, addr - start + offset
        raise ValueError(f"{size} bytes at {addr:#x} are in no region")

    def _read(self, addr, size):
        memory, at = self._find(addr, size)
        return memory[at:at + size]

    def _write(self, addr, data):
        memory, at = self._find(addr, len(data))
        memory[at:at + len(data)] = data

    # -- rings ---------------------------------------------------------------------------------

    def _peek(self, ring):
        """The elements of the next available buffer, its id and slots; None if there is none."""
        elements, slot, wrap, count = [], ring.next, ring.wrap, 0
        while True:
            addr, size, ident, flags = _DESC.unpack(self._read(ring.addr + 16 * slot, 16))
            if count == 0 and (bool(flags & _AVAIL) != wrap or bool(flags & _USED) == wrap):
                return None
            count += 1
            if flags & _INDIRECT:
                table = self._read(addr, size)
                elements += [_DESC.unpack_from(table, at)[:2] for at in range(0, size, 16)]
            else:
                elements.append((addr, size))
            if not flags & _NEXT:
                return elements, ident, count
            slot += 1
            if slot == ring.size:
                slot, wrap = 0, not wrap

    def _use(self, ring, ident, count, written):
        at = ring.addr + 16 * ring.next
        self._write(at + 8, struct.pack("<IH", written, ident))
        flags = (_AVAIL | _USED if ring.wrap else 0) | (_WRITE if written and self.write else 0)
        self._write(at + 14, struct.pack("<H", flags))
        ring.next += count
        if ring.next >= ring.size:
            ring.next -= ring.size
            ring.wrap = not ring.wrap

    def _loop(self, pair):
        """Move up to a burst from the transmit to the receive ring; whether there was any."""
        rx, tx = self._rings.get(2 * pair), self._rings.get(2 * pair + 1)
        if not (rx and tx and rx.on and tx.on):
            return False
        for done in range(32):
            source = self._peek(tx)
            target = self._peek(rx) if source else None
            if not target:
                return done > 0
            frame = b"".join(self._read(*element) for element in source[0])
            data = _NET_HDR + frame[len(_NET_HDR):]
            self._write(target[0][0][0], data)
            self._use(rx, target[1], target[2], len(data))
            self._use(tx, source[1], source[2], 0)
            self.looped += 1
        return True
