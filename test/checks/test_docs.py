# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""The documents tell all that the driver says and takes, and nothing that it does not."""

import configparser
import re

import pytest

from tree import DRIVER, ROOT, read

GUIDES = ROOT / "doc" / "guides"
NIC = GUIDES / "nics" / "pvq.rst"
TROUBLE = GUIDES / "troubleshooting.rst"
# Levels that a user sees without asking for more, and the page's words for them.
LEVELS = {"NOTICE": "*Notice.*", "WARNING": "*Warning.*", "ERR": "*Error.*", "CRIT": "*Critical.*"}
# Fewer letters than this name no message.
DISTINCT = 12
# The features matrix of DPDK 22.11 and of every release since.
MATRIX = """
Speed capabilities; Link speed configuration; Link status; Link status event; Removal event;
Queue status event; Rx interrupt; Lock-free Tx queue; Fast mbuf free; Free Tx mbuf on demand;
Queue start/stop; Runtime Rx queue setup; Runtime Tx queue setup; Shared Rx queue; Burst mode info;
Power mgmt address monitor; MTU update; Buffer split on Rx; Scattered Rx; LRO; TSO;
Promiscuous mode; Allmulticast mode; Unicast MAC filter; Multicast MAC filter; RSS hash;
RSS key update; RSS reta update; Inner RSS; VMDq; SR-IOV; DCB; VLAN filter; Flow control;
Rate limitation; Congestion management; Traffic manager; Inline crypto; Inline protocol;
CRC offload; VLAN offload; QinQ offload; FEC; IP reassembly; L3 checksum offload;
L4 checksum offload; Timestamp offload; MACsec offload; Inner L3 checksum; Inner L4 checksum;
Packet type parsing; Timesync; Rx descriptor status; Tx descriptor status; Basic stats;
Extended stats; Stats per queue; FW version; EEPROM dump; Module EEPROM dump; Registers dump; LED;
Multiprocess aware; FreeBSD; Linux; Windows; ARMv7; ARMv8; LoongArch64; Power8; rv64; x86-32;
x86-64; Usage doc; Design doc; Perf doc
"""

STRING = r'"(?:[^"\\]|\\.)*"'
TOKEN = re.compile(STRING + r"|'(?:[^'\\]|\\.)'|//[^\n]*|/\*.*?\*/|[A-Za-z_]\w*|\s+|.", re.S)


def call_arguments(source, start):
    """The arguments of the call whose opening bracket is at `start`, each a list of tokens."""
    depth, arguments = 0, [[]]
    for match in TOKEN.finditer(source, start):
        token = match.group()
        if token in "([{":
            depth += 1
            if depth == 1:
                continue
        elif token in ")]}":
            depth -= 1
            if depth == 0:
                return arguments
        if token == "," and depth == 1:
            arguments.append([])
        elif not token.isspace() and not token.startswith(("/*", "//")):
            arguments[-1].append(token)
    raise AssertionError("a call without an end")


def message_of(tokens):
    """A printf format as text: `...` for what is filled in."""
    text = ""
    for token in tokens:
        if token.startswith('"'):
            text += token[1:-1].replace('\\"', '"')
        elif not token.startswith("PRI"):
            text += "..."  # a macro that is text
    return re.sub(r"%[-#0 +]*\d*(?:\.\d+)?(?:hh|h|ll|l|z|j)?[a-zA-Z]|%[-#0]+(?=[ ()]|$)", "...",
                  text)


def messages():
    """(message, place, level) of all that the driver logs for everybody to see."""
    found = []
    for path in sorted(DRIVER.glob("*.[ch]")):
        source = read(path)
        for match in re.finditer(r"(?<!define )\b(PVQ_LOG|PVQ_REFUSE)\(", source):
            arguments = call_arguments(source, match.end() - 1)
            if match.group(1) == "PVQ_REFUSE":
                level, message = "ERR", arguments[1]
            elif arguments[0][0] not in LEVELS:
                continue
            else:
                level, message = arguments[0][0], arguments[2]
            line = source.count("\n", 0, match.start()) + 1
            found.append((message_of(message), f"{path.name}:{line}", level))
    return found


def headings():
    """The messages that the troubleshooting page has: (as written there, level)."""
    return re.findall(r"^(\S.*)\n~+\n\n(\S+)", read(TROUBLE), re.M)


def covers(heading, message):
    """Whether the heading stands for the message: the same words, `...` for any."""
    parts = [re.escape(part) for part in heading.split("...")]
    return re.fullmatch(".*".join(parts), message) is not None


def test_the_reader_of_sources_finds_messages():
    # If it went blind, the tests below would pass without looking at anything.
    found = messages()
    plain = sum(read(path).count("PVQ_REFUSE(") + len(re.findall(
        r"PVQ_LOG\((?:NOTICE|WARNING|ERR)\b", read(path))) for path in DRIVER.glob("*.[ch]"))
    # One is the definition of PVQ_REFUSE.
    assert len(found) == plain - 1 > 20
    assert ("backend has gone, link down" in [message for message, _, _ in found])


def test_every_message_is_in_troubleshooting():
    missing, wrong = [], []
    for message, place, level in messages():
        told = [words for heading, words in headings() if covers(heading, message)]
        if not told:
            missing.append(f"{place}: {message}")
        elif LEVELS[level] not in told:
            wrong.append(f"{place} is of level {level}: {message}")
    assert missing == [], f"give these a heading in {TROUBLE.name}"
    assert wrong == []


def test_troubleshooting_is_of_messages_that_exist():
    vague = [heading for heading, _ in headings()
             if len(heading.replace("...", "").strip()) < DISTINCT]
    stale = [heading for heading, _ in headings()
             if not any(covers(heading, message) for message, _, _ in messages())]
    assert vague == [], "these could be any message"
    assert stale == [], "no source logs these any more"


def list_table_keys(text, after):
    """The first column of the list-table that follows a line of text, without the header."""
    assert text.count(after) == 1, after
    keys = []
    for line in text[text.index(after) + len(after):].splitlines()[1:]:
        if line and not line.startswith((" ", ".. list-table::", "For ", "-")):
            break
        if line.startswith("For "):
            break
        match = re.match(r"   \* - ``(\w+)``$", line)
        if match:
            keys.append(match.group(1))
    return keys


def names_in(path, array):
    """The strings of a C array that come first in their element."""
    body = re.search(rf"\b{array}\[\] = \{{(.*?)\}};", read(path), re.S).group(1)
    if "{" in body:
        return re.findall(r'\{\s*"(\w+)"', body)
    return re.findall(r'"(\w+)"', body)


def test_every_device_argument_is_in_the_guide():
    source = read(DRIVER / "devargs.c")
    keys = [key for array in (r"define COMMON_KEYS \\\n(.*),", r"vdev_keys\[\] = \{(.*),",
                              r"pci_keys\[\] = \{(.*),")
            for key in re.findall(r'"(\w+)"', re.search(array, source).group(1))]
    assert len(keys) >= 11
    table = list_table_keys(read(NIC), "Device arguments\n----------------\n")
    assert sorted(table) == sorted(keys)
    # What dpdk-pmdinfo.py shows is a list of its own.
    assert sorted(re.findall(r"\b(\w+)=<", read(DRIVER / "devargs.h"))) == sorted(keys)


def test_defaults_in_the_guide_are_those_of_the_source():
    header, guide = read(DRIVER / "devargs.h"), read(NIC)
    for key, macro in (("queue_size", "PVQ_DEFAULT_QUEUE_SIZE"), ("speed", "PVQ_DEFAULT_SPEED")):
        value = re.search(rf"#define {macro} (\d+)", header).group(1)
        row = re.search(rf"\* - ``{key}``\n     - .*\n     - (.*)\n", guide)
        assert row.group(1) == value, key


@pytest.mark.parametrize("array,after", [
    ("rx_counters", "For each receive queue, as ``rx_qN_NAME``:\n"),
    ("tx_counters", "For each transmit queue, as ``tx_qN_NAME``:\n"),
    ("port_counters", "For the port:\n"),
], ids=["rx", "tx", "port"])
def test_extended_statistics_are_in_the_guide(array, after):
    names = names_in(DRIVER / "stats.c", array)
    assert names
    assert list_table_keys(read(NIC), after) == names


def test_telemetry_is_in_the_guide():
    source, guide = read(DRIVER / "telemetry.c"), read(NIC)
    text = guide[guide.index("Telemetry\n~~~"):]
    commands = re.findall(r'rte_telemetry_register_cmd\("([^"]+)"', source)
    fields = re.findall(r'rte_tel_data_add_dict_\w+\(d, "(\w+)"', source)
    assert len(commands) >= 3 and len(fields) >= 20
    assert [one for one in commands if f"``{one}" not in text] == []
    assert [one for one in fields if f"``{one}``" not in text] == []


def test_paths_in_the_guide_exist():
    guide = read(NIC)
    table = read(DRIVER / "burst.c")
    kernels = re.findall(r'RX_PATHS\(\w+, PVQ_ISA_\w+, "([^"]+)"\)', table)
    suffixes = ["", *re.findall(r'text "(, [^"]+)"', table)]
    assert kernels[0] == "scalar" and ", in-order, mergeable" in suffixes
    shown = re.findall(rf"``((?:{'|'.join(kernels)})(?:, [^`]+)?)``", guide)
    assert shown != []
    assert [one for one in shown if one not in [k + s for k in kernels for s in suffixes]] == []


def test_features_file_has_the_matrix_s_own_words():
    parser = configparser.ConfigParser(delimiters="=", comment_prefixes=";", strict=True)
    parser.optionxform = str
    parser.read_string(read(GUIDES / "nics" / "features" / "pvq.ini"))
    matrix = [" ".join(name.split()) for name in MATRIX.split(";")]
    features = parser["Features"]
    assert [name for name in features if name not in matrix] == []
    assert {value for value in features.values()} <= {"Y", "P"}
    # In the order of the matrix, as DPDK has it.
    assert list(features) == sorted(features, key=matrix.index)


# What the source must hold for a feature to be claimed.
EVIDENCE = {
    "Link status": r"\.link_update =",
    "Link status event": "RTE_ETH_EVENT_INTR_LSC",
    "Removal event": "RTE_ETH_EVENT_INTR_RMV",
    "Rx interrupt": r"\.rx_queue_intr_enable =",
    "Lock-free Tx queue": "tx_offload_capa = .*RTE_ETH_TX_OFFLOAD_MT_LOCKFREE",
    "Fast mbuf free": r"tx_queue_offload_capa =\s*[^;]*RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE",
    "Free Tx mbuf on demand": r"\.tx_done_cleanup =",
    "Queue start/stop": r"\.tx_queue_stop =",
    "Runtime Rx queue setup": "DEV_CAPA_RUNTIME_RX_QUEUE_SETUP",
    "Runtime Tx queue setup": "DEV_CAPA_RUNTIME_TX_QUEUE_SETUP",
    "Burst mode info": r"\.rx_burst_mode_get =",
    "Power mgmt address monitor": r"\.get_monitor_addr =",
    "MTU update": r"\.mtu_set =",
    "Scattered Rx": "rx_offload_capa = .*RTE_ETH_RX_OFFLOAD_SCATTER",
    "LRO": "RTE_ETH_RX_OFFLOAD_TCP_LRO",
    "TSO": "RTE_ETH_TX_OFFLOAD_TCP_TSO",
    "Promiscuous mode": r"\.promiscuous_enable =",
    "Allmulticast mode": r"\.allmulticast_enable =",
    "Unicast MAC filter": r"\.mac_addr_add =",
    "Multicast MAC filter": r"\.set_mc_addr_list =",
    "RSS hash": "RTE_ETH_RX_OFFLOAD_RSS_HASH",
    "VLAN filter": r"\.vlan_filter_set =",
    "Rx descriptor status": "eth->rx_descriptor_status =",
    "Tx descriptor status": "eth->tx_descriptor_status =",
    "Basic stats": r"\.stats_get =",
    "Extended stats": r"\.xstats_get =",
    "Stats per queue": "q_ipackets",
    "Multiprocess aware": "rte_eth_dev_attach_secondary",
}


def test_features_file_says_what_the_source_has():
    text = read(GUIDES / "nics" / "features" / "pvq.ini")
    source = "".join(read(path) for path in sorted(DRIVER.glob("*.[ch]")))
    for name, evidence in EVIDENCE.items():
        claimed = re.search(rf"^{re.escape(name)} *= [YP]$", text, re.M) is not None
        assert claimed == (re.search(evidence, source) is not None), name


def test_readme_is_whole():
    text = read(ROOT / "README.md")
    assert "@@" not in text, "a figure is still to be measured"
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert len(links) >= 5
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
    commands = re.findall(r"^(devtools/\S+)", text, re.M)
    assert commands == ["devtools/demo.sh", "devtools/test.sh"]
    # Two minutes at 250 words a minute.
    assert len(re.findall(r"\w+", text)) <= 650


def test_test_suites_are_in_the_guide():
    suites = re.search(r"^SUITES=\((.*)\)$", read(ROOT / "devtools" / "test.sh"), re.M)
    assert list_table_keys(read(GUIDES / "testing.rst"), "``--only unit,checks``:\n") == \
        suites.group(1).split()
