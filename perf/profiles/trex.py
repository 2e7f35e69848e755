"""Stateless TRex profile with the scenarios of the README of this folder.

Tunables: --scenario (one, many, imix, broadcast), --mac (of ipvd's master),
--latency (1 adds a stream of 1000 packets a second with TRex's stamps).
"""
import argparse

from trex_stl_lib.api import (
    ARP, IP, UDP, Ether, STLFlowLatencyStats, STLPktBuilder, STLScVmRaw,
    STLStream, STLTXCont, STLVmFixIpv4, STLVmFlowVar, STLVmWrFlowVar)

SOURCE = "198.18.0.1"
FIRST, LAST = "10.0.0.1", "10.0.3.254"
FCS = 4
IMIX = ((64, 7), (594, 4), (1518, 1))  # size with FCS, share


def pad(packet, size):
    """Makes packet size bytes long, FCS included."""
    return packet / (b"\0" * max(0, size - FCS - len(packet)))


def udp(mac, size, dst=FIRST):
    return pad(Ether(dst=mac) / IP(src=SOURCE, dst=dst) / UDP(sport=49152, dport=7), size)


def in_turn():
    """Program that takes the destinations one after the other."""
    return STLScVmRaw([
        STLVmFlowVar(name="dst", min_value=FIRST, max_value=LAST, size=4, op="inc"),
        STLVmWrFlowVar(fv_name="dst", pkt_offset="IP.dst"),
        STLVmFixIpv4(offset="IP"),
    ])


def stream(packet, share, vm=None):
    return STLStream(packet=STLPktBuilder(pkt=packet, vm=vm), mode=STLTXCont(pps=share))


class Scenario:
    def streams(self, name, mac):
        if name == "one":
            return [stream(udp(mac, 64), 1)]
        if name == "many":
            return [stream(udp(mac, 64), 1, in_turn())]
        if name == "imix":
            return [stream(udp(mac, size), share) for size, share in IMIX]
        if name == "broadcast":
            request = Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(op="who-has", psrc=SOURCE, pdst=FIRST)
            return [stream(udp(mac, 64), 9), stream(pad(request, 64), 1)]
        raise ValueError("scenario %r: want one, many, imix or broadcast" % name)

    def get_streams(self, direction, tunables, **kwargs):
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--scenario", default="one")
        parser.add_argument("--mac", default="02:00:00:00:00:01")
        parser.add_argument("--latency", type=int, default=0)
        args = parser.parse_args(tunables)
        streams = self.streams(args.scenario, args.mac)
        if args.latency:
            streams.append(STLStream(
                packet=STLPktBuilder(pkt=udp(args.mac, 68)),
                mode=STLTXCont(pps=1000),
                flow_stats=STLFlowLatencyStats(pg_id=1)))
        return streams


def register():
    return Scenario()
