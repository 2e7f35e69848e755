package watch

import "ipvd/pmd"

// maxSteps is how many steps of a packet's way are noted: a broadcast to a
// thousand slaves has more.
const maxSteps = 256

// trace is the way of one packet, which is alone in the graph meanwhile.
type trace struct {
	on     bool
	left   uint32 // the place of leaving a stage
	n      int    // steps
	more   int    // steps that did not fit
	length int    // bytes of the frame as it came
	data   int    // of them in frame
	frame  [flatLen]byte
	steps  [maxSteps][stepLen]byte
}

// begin copies the packet, which stages may write to.
func (t *trace) begin(m *pmd.Mbuf, snap int) {
	t.on, t.n, t.more, t.length, t.data = true, 0, 0, m.Len(), 0
	for s := m; s != nil && t.data < snap; s = s.Next() {
		t.data += copy(t.frame[t.data:min(snap, flatLen)], s.Data())
	}
}

func (t *trace) add(place uint32, m *pmd.Mbuf) {
	if t.n == maxSteps {
		t.more++
		return
	}
	encodeStep(&t.steps[t.n], place, m)
	t.n++
}

// end puts the whole way into the ring.
func (t *trace) end(w *Worker) {
	t.on = false
	h := header{time: w.now, place: w.by.id, by: w.by.id, length: uint32(t.length), data: uint32(t.data),
		steps: uint32(t.n), more: uint32(t.more)}
	var b [headerLen]byte
	h.encode(&b)
	if !w.ring.begin(headerLen + t.data + t.n*stepLen) {
		return
	}
	w.ring.put(b[:])
	w.ring.put(t.frame[:t.data])
	for i := range t.n {
		w.ring.put(t.steps[i][:])
	}
	w.ring.end()
}
