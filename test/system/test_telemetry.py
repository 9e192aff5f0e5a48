# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""What a monitoring agent can ask: /pvq/list, /pvq/port, /pvq/ring."""

from rig import one_process

RING_PACKED = 1 << 34


def test_list_and_port(box):
    link = one_process(box, pvq=",event_idx=0")
    pmd = link.pvq
    assert {"/pvq/list", "/pvq/port", "/pvq/ring"} <= set(pmd.telemetry("/"))
    assert pmd.telemetry("/pvq/list") == [1]
    port = pmd.telemetry("/pvq/port,1")
    assert port["name"] == "net_pvq0"
    assert port["path"] == box.path("s")
    assert port["transport"] == "vhost-user"
    assert port["connected"] == port["live"] == 1
    assert port["status"] == 0xf
    assert port["features"] & RING_PACKED
    assert port["features"] & ~port["offered_features"] == 0
    assert "RING_PACKED" in port["feature_names"].split()
    assert "EVENT_IDX" not in port["feature_names"].split()
    assert (port["rx_path"], port["tx_path"]) == pmd.burst_mode(1)
    assert port["reconnects"] == 0


def test_ring_follows_the_traffic(box):
    link = one_process(box, app=["--rxd=64", "--txd=64"])
    pmd = link.pvq
    rx = pmd.telemetry("/pvq/ring,1,rx,0")
    assert rx["size"] == rx["outstanding"] == 64
    assert (rx["next_avail"], rx["avail_wrap"], rx["next_used"], rx["used_wrap"]) == (0, 0, 0, 1)
    tx = pmd.telemetry("/pvq/ring,1,tx,0")
    assert tx["outstanding"] == tx["next_avail"] == 0 and tx["avail_wrap"] == 1
    assert rx["virtqueue"] == 0 and tx["virtqueue"] == 1
    (sent, _), (_, received) = link.run(packets=5000, bursts=1)
    rx, tx = (pmd.telemetry(f"/pvq/ring,1,{way},0") for way in ("rx", "tx"))
    # One slot for each packet, and the wrap counter turns with every lap.
    assert tx["next_avail"] == sent % 64
    assert tx["avail_wrap"] == 1 - sent // 64 % 2
    assert rx["next_used"] == received % 64
    assert rx["used_wrap"] == 1 - received // 64 % 2
    for ring in (rx, tx):
        assert ring["closed"] == 0 and ring["error"] == "no error"
        assert ring["lcore"] in (0, 1)
        ahead = (ring["next_avail"] - ring["next_used"]) % 64
        assert ring["outstanding"] % 64 == ahead


def test_wrong_questions(box):
    """No answer rather than a crash or somebody else's port."""
    pmd = one_process(box).pvq
    for request in ("/pvq/port", "/pvq/port,0", "/pvq/port,9", "/pvq/port,x", "/pvq/port,1x",
                    "/pvq/port,-1", "/pvq/port,99999999999999999999", "/pvq/ring", "/pvq/ring,1",
                    "/pvq/ring,1,rx", "/pvq/ring,1,rx,1", "/pvq/ring,1,tx,1", "/pvq/ring,1,xt,0",
                    "/pvq/ring,0,rx,0", "/pvq/ring,1,rx,0,1", "/pvq/ring,1,tx,0,1",
                    "/pvq/ring,1,rx,-1"):
        assert pmd.telemetry(request) is None, request
    assert pmd.telemetry("/pvq/list") == [1]
