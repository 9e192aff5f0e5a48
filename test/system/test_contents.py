# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Every byte of every frame arrives, in order, once."""

import pytest

import frames
from loopback import BIG_MBUFS, loop_back

SMALL = range(frames.MIN_LEN, 1515)
LARGE = [60, 64, 65, 127, 128, 1514, 1515, 1518, 2000, 2034, 2035, 2036, 2047, 2048, 2049, 4096,
         6000, 8999, 9000, 9014]
SEGMENTS = ["--max-pkt-len=9018", "--enable-scatter", "--tx-offloads=0x8000"]


@pytest.mark.parametrize("mode", ["io", "macswap"])
def test_small_frames(box, mode):
    sent = frames.make(20000, SMALL, seed=1)
    loop_back(box, sent, mode=mode)


@pytest.mark.parametrize("devargs", ["", ",in_order=0", ",mrg_rxbuf=0", ",event_idx=0",
                                     ",in_order=0,mrg_rxbuf=0,event_idx=0"])
def test_large_frames_in_one_mbuf(box, devargs):
    sent = frames.make(3000, LARGE, seed=2)
    loop_back(box, sent, devargs, BIG_MBUFS)


@pytest.mark.parametrize("size", [2176, 512])
@pytest.mark.parametrize("devargs", ["", ",in_order=0", ",event_idx=0", ",in_order=0,event_idx=0"])
def test_large_frames_in_segments(box, devargs, size):
    """Received and sent as chains of up to 5 mbufs, and of up to 24: more than a table holds."""
    app = [*SEGMENTS, f"--mbuf-size={size}", "--total-num-mbufs=8192"]
    sent = frames.make(3000, LARGE, seed=3)
    loop_back(box, sent, devargs, app)
