# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Packets of many flows, which a device with several queues spreads over them."""

import random
import struct

FLOWS = 16
HEADER = struct.Struct("!12sH BBHHHBBHII HHHHI")


def flow(port, count, dst=b"\x02\0\0\0\0\x01"):
    """UDP packets of one flow, which the tap interface keeps together; their number is in them."""
    noise = random.Random(port)
    made = []
    for number in range(count):
        payload = noise.randbytes(noise.randrange(40, 1400))
        udp = 12 + len(payload)
        ip = [0x45, 0, 20 + udp, number, 0, 64, 17, 0, 0xc0000201, 0xc6336401]
        words = struct.unpack("!10H", struct.pack("!BBHHHBBHII", *ip))
        total = sum(words)
        total = (total & 0xffff) + (total >> 16)
        ip[7] = ~(total + (total >> 16)) & 0xffff
        made.append(HEADER.pack(dst + b"\x02\0\0\0\0\x02", 0x800, *ip, port, 9, udp, 0,
                                number) + payload)
    return made


def flow_of(frame):
    """Which flow it is of."""
    return struct.unpack_from("!H", frame, 34)[0]
