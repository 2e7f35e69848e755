package pmdtest

import (
	"bytes"

	"ipvd/pmd"
	"ipvd/pmd/offload"
)

// Frame is a frame with what its virtio-net header says, of which only an
// unfinished one has any: see Vnet.
type Frame struct {
	Bytes []byte
	Vnet  pmd.VnetHdr
}

// InjectUnfinished is Inject for a frame with a virtio-net header. One that does
// not fit the frame is received and counted as an error.
func (p *Port) InjectUnfinished(queue int, f Frame) {
	q := p.rx[queue]
	q.mu.Lock()
	defer q.mu.Unlock()
	f.Bytes = bytes.Clone(f.Bytes)
	q.frames = append(q.frames, f)
	q.interrupt()
}

// SentUnfinished is Sent with the virtio-net header of each frame.
func (p *Port) SentUnfinished(queue int) []Frame {
	q := p.tx[queue]
	q.mu.Lock()
	defer q.mu.Unlock()
	sent := q.sent
	q.sent = nil
	return sent
}

// accept gives m its header, or drops it.
func (q *RxQueue) accept(v *pmd.Vector, m *pmd.Mbuf, h pmd.VnetHdr) bool {
	*m.Vnet() = h
	if !offload.Accept(m) {
		q.stats.Errors++
		v.Drop(m)
		return false
	}
	if m.Offload() {
		v.Offloads++
	}
	return true
}

// finishes reports that a device with offloads o can finish m.
func finishes(o pmd.Offloads, m *pmd.Mbuf) bool {
	need := pmd.Checksum
	switch m.Vnet().GSOType &^ pmd.VnetECN {
	case pmd.VnetTCPv4, pmd.VnetTCPv6:
		need = pmd.TSO
	case pmd.VnetUDP:
		need = pmd.USO
	}
	return o&need != 0
}

// finish stores what m becomes in software. m stays as it is.
func (q *TxQueue) finish(v *pmd.Vector, m *pmd.Mbuf, info *pmd.Info) {
	if m.Vnet().GSOType == 0 {
		if c := v.Copy(m); c != nil {
			offload.Complete(c)
			q.store(c, info)
			q.port.rt.Free(c)
		} else {
			q.stats.Full++
		}
		return
	}
	var s offload.Segmenter
	n := uint64(0)
	for s.Start(m); s.More(); n++ {
		seg := s.Next(v)
		if seg == nil {
			q.stats.Full++
			n++
			break
		}
		q.store(seg, info)
		q.port.rt.Free(seg)
	}
	q.stats.Segmented += n - 1
}

// header is m's virtio-net header as a device gets it.
func header(m *pmd.Mbuf) (h pmd.VnetHdr) {
	switch {
	case m.Offload():
		h = *m.Vnet()
	case m.Verified():
		h.Flags = pmd.VnetDataValid
	}
	return h
}
