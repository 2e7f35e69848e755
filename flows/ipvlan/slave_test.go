package ipvlan

import (
	"testing"

	"ipvd/flows/wire"
	"ipvd/pmd"
)

func TestSlaveStatsAreThoseOfItsInterface(t *testing.T) {
	l := newLab(t, L2, Private, 2)
	toS1 := ether(macM, macW, wire.TypeIPv4, ip4("10.0.0.254", "10.0.0.11"))
	out := ether(macW, macM, wire.TypeIPv4, ip4("10.0.0.11", "10.0.0.254"))
	l.send("WIRE", toS1)
	l.send("WIRE", broadcast(macW, 60))
	l.send("S1", out)
	l.send("S1", ether(macM, macM, wire.TypeIPv4, ip4("10.0.0.11", "10.0.0.12")))
	l.send("S1", ether(macPause, macM, wire.TypePause, make([]byte, 46)))
	l.ports["S1"].SetCarrier(false)
	l.send("WIRE", toS1)
	want := SlaveStats{RxPackets: 2, RxBytes: uint64(len(toS1) + 74), RxErrors: 1, RxDropped: 1, Multicast: 1,
		TxPackets: 2, TxBytes: uint64(2*len(out) + 60), TxDropped: 1}
	if got := l.m.Slaves[0].Stats(); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestSlaveStatsCountWhatItsPortRefuses(t *testing.T) {
	l := newLab(t, L2, Bridge, 1)
	toS1 := ether(macM, macW, wire.TypeIPv4, ip4("10.0.0.254", "10.0.0.11"))
	l.ports["S1"].SetTxCapacity(1)
	l.inject("WIRE", toS1, toS1, toS1)
	if got := l.m.Slaves[0].Stats(); got.RxPackets != 1 || got.RxErrors != 2 {
		t.Errorf("got %+v, want 1 packet and 2 errors", got)
	}
	if q := l.ports["S1"].Tx()[0].Stats(); q != (pmd.QueueStats{Packets: 1, Bytes: uint64(len(toS1)), Full: 2}) {
		t.Errorf("queue: %+v", q)
	}
}
