# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Frames that can be told apart byte by byte, and files of them for net_pcap."""

import random
import struct
import zlib

_FILE_HEADER = struct.Struct("<IHHiIII")
_RECORD = struct.Struct("<IIII")
_MAGIC = 0xa1b2c3d4
_ETHERNET = 1
_SNAP = 65535

# An EtherType that IEEE keeps free for experiments: nobody on the way interprets it.
ETHER_TYPE = 0x88b5
_HEADER = struct.Struct("!6s6sHI")
MIN_LEN = _HEADER.size + 4


def make(count, sizes, seed, dst=b"\x02\0\0\0\0\x01", src=b"\x02\0\0\0\0\x02"):
    """`count` frames whose lengths are drawn from `sizes`: header, number, noise, checksum."""
    rng = random.Random(seed)
    frames = []
    for number in range(count):
        size = rng.choice(sizes)
        body = _HEADER.pack(dst, src, ETHER_TYPE, number)
        body += rng.randbytes(size - len(body) - 4)
        frames.append(body + struct.pack("!I", zlib.crc32(body)))
    return frames


def number(frame):
    """The number that make() gave a frame; None if it is damaged or not one of ours."""
    if len(frame) < MIN_LEN or zlib.crc32(frame[:-4]) != struct.unpack("!I", frame[-4:])[0]:
        return None
    return _HEADER.unpack_from(frame)[3]


def swap_macs(frame):
    """The frame as testpmd's macswap forwards it."""
    return frame[6:12] + frame[:6] + frame[12:]


def write(path, frames):
    """Write a capture file."""
    with open(path, "wb") as file:
        file.write(_FILE_HEADER.pack(_MAGIC, 2, 4, 0, 0, _SNAP, _ETHERNET))
        for index, frame in enumerate(frames):
            file.write(_RECORD.pack(index // 1000, index % 1000 * 1000, len(frame), len(frame)))
            file.write(frame)


def read(path):
    """The frames of a capture file, whole ones only."""
    with open(path, "rb") as file:
        data = file.read()
    # libpcap may stamp nanoseconds, in a file of another magic number.
    magic = _FILE_HEADER.unpack_from(data)[0]
    if magic not in (_MAGIC, 0xa1b23c4d):
        raise ValueError(f"{path} is no capture file of this machine")
    frames, at = [], _FILE_HEADER.size
    while at + _RECORD.size <= len(data):
        kept = _RECORD.unpack_from(data, at)[2]
        at += _RECORD.size
        if at + kept > len(data):
            break
        frames.append(data[at:at + kept])
        at += kept
    return frames


def compare(sent, received):
    """Assert that exactly the sent frames were received, in their order."""
    if sent == received:
        return
    for index, (wanted, got) in enumerate(zip(sent, received)):
        if wanted == got:
            continue
        assert len(wanted) == len(got), \
            f"frame {index} has {len(got)} bytes instead of {len(wanted)}; number {number(got)}"
        byte = next(i for i, (a, b) in enumerate(zip(wanted, got)) if a != b)
        raise AssertionError(f"frame {index}, {len(got)} bytes, differs from byte {byte} on; "
                             f"number {number(got)}")
    raise AssertionError(f"{len(sent)} frames sent and {len(received)} received, alike until then")
