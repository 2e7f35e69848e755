package rawip

import (
	"bytes"
	"encoding/binary"
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/offload"
)

// unfinished makes a packet of an IPv4 frame that udpFrame made: its checksum is
// to be completed, and with a size each so many bytes are a datagram.
func (r *rig) unfinished(f []byte, size int) *pmd.Mbuf {
	r.t.Helper()
	udp := f[etherLen+ipv4MinLen:]
	pseudo := uint32(17 + len(udp))
	for at := etherLen + 12; at < etherLen+ipv4MinLen; at += 2 {
		pseudo += uint32(binary.BigEndian.Uint16(f[at:]))
	}
	binary.BigEndian.PutUint16(udp[6:], uint16(pseudo>>16+pseudo&0xffff))
	m := r.mbuf(f, 600)
	*m.Vnet() = pmd.VnetHdr{Flags: pmd.VnetNeedsCsum, CsumStart: etherLen + ipv4MinLen, CsumOffset: 6}
	if size > 0 {
		m.Vnet().GSOType, m.Vnet().GSOSize = pmd.VnetUDP, uint16(size)
	}
	if !offload.Accept(m) {
		r.t.Fatal("a frame is not accepted")
	}
	return m
}

func TestFramesAreFinishedForTheSocket(t *testing.T) {
	r := newRig(t, 1500)
	r.ip(r.peer, "route add %s/32 dev peer0", slaveIP4)
	sock := r.udp(r.peerFD, 4000) // its kernel checks the checksums
	long, short := udpFrame(slaveIP4, peerIP4, 90*100-1), udpFrame(slaveIP4, peerIP4, 301)
	plain := udpFrame(slaveIP4, peerIP4, 50)
	shared := r.unfinished(bytes.Clone(short), 0)
	shared.AddRefs(1)
	before := shared.Len()
	r.v.Reset()
	burst, _ := r.v.Grow(4)
	copy(r.v.Packets(burst), []*pmd.Mbuf{r.unfinished(bytes.Clone(long), 100), shared, r.unfinished(bytes.Clone(short), 0), r.mbuf(plain, 600)})
	r.set.TxList().Add(r.tx, burst)
	r.set.Send()
	r.first.Receive()
	payload := long[etherLen+ipv4MinLen+8:]
	for len(payload) > 0 {
		n := min(100, len(payload))
		if got := r.recv(sock, anything); !bytes.Equal(got, payload[:n]) {
			t.Fatalf("a datagram of %d bytes came, want the next %d of %d", len(got), n, len(payload))
		}
		payload = payload[n:]
	}
	for _, f := range [][]byte{short, short, plain} {
		if got, want := r.recv(sock, anything), f[etherLen+ipv4MinLen+8:]; !bytes.Equal(got, want) {
			t.Errorf("got %d bytes, want %d", len(got), len(want))
		}
	}
	if !shared.Offload() || shared.Len() != before || shared.Refs() != 1 {
		t.Errorf("a packet of somebody else's was changed, or has %d references", shared.Refs())
	}
	r.rt.Free(shared)
	r.stats(pmd.QueueStats{Packets: 93, Segmented: 89}, Reasons{})
}
