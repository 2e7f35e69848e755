package offload

import (
	"encoding/binary"

	"ipvd/pmd"
)

// Segmenter cuts one frame at a time, as a NIC with TSO would. The frame is only
// read. Worker only.
type Segmenter struct {
	headers
	tmpl [etherLen + maxTags*tagLen + maxL3 + 60]byte // the frame's headers
	size int                                          // payload of a segment
	left int                                          // payload not yet cut
	at   *pmd.Mbuf                                    // where it continues: segment
	off  int                                          // and place in it
	n    int                                          // of the next one
	sum4 uint64                                       // of the IPv4 header, and
	sum  uint64                                       // of pseudo and transport header, without what varies
	seq  uint32
	id   uint16
	last byte // flags of TCP that only the last segment has
	cwr  byte // and the first
}

// Start prepares to cut m, which Accept has let through and which must not
// change until the last segment is cut.
func (s *Segmenter) Start(m *pmd.Mbuf) {
	b := m.Data()
	s.headers, _ = parse(b) // Accept did
	n := s.all()
	copy(s.tmpl[:], b[:n])
	s.size, s.left = int(m.Vnet().GSOSize), m.Len()-n
	s.at, s.off, s.n = m, n, 0
	ip, l4 := s.tmpl[s.l2:], s.tmpl[s.transport():n]
	if !s.v6 {
		s.id = binary.BigEndian.Uint16(ip[4:])
		clear(ip[2:6])
		clear(ip[ipv4Sum : ipv4Sum+2])
		s.sum4 = sum(ip[:s.l3], 0)
	}
	if s.udp {
		clear(l4[4:6])
	} else {
		s.startTCP(l4, m.Vnet().GSOType&pmd.VnetECN != 0)
	}
	// The checksum field holds the pseudo header's sum, with the length of all
	// payload in it.
	s.sum = add(sum(l4, 0), word(^(s.l4 + s.left)))
}

func (s *Segmenter) startTCP(l4 []byte, ecn bool) {
	const cwr, fin, psh = 0x80, 0x01, 0x08
	s.seq = binary.BigEndian.Uint32(l4[4:])
	s.last, s.cwr = l4[13]&(fin|psh), 0
	if ecn {
		s.cwr = l4[13] & cwr
	}
	l4[13] &^= s.last | s.cwr
	clear(l4[4:8])
}

// More reports that there is a segment left.
func (s *Segmenter) More() bool { return s.left > 0 }

// Next cuts a segment into mbufs of v. nil, and nothing is cut, when there are
// none.
func (s *Segmenter) Next(v *pmd.Vector) *pmd.Mbuf {
	head := v.Supply()
	if head == nil {
		return nil
	}
	n, hdr := min(s.size, s.left), s.all()
	at, off := s.at, s.off
	if !head.SetLen(hdr) {
		v.Drop(head)
		return nil
	}
	copy(head.Data(), s.tmpl[:hdr])
	acc, ok := s.fill(v, head, n)
	if !ok {
		s.at, s.off = at, off
		v.Drop(head)
		return nil
	}
	s.finish(head.Data(), n, acc)
	return head
}

// fill appends n bytes of payload to head and gives their sum.
func (s *Segmenter) fill(v *pmd.Vector, head *pmd.Mbuf, n int) (acc uint64, ok bool) {
	last, r := head, running{}
	for n > 0 {
		src, room := s.at.Data()[s.off:], last.Room()
		if len(src) == 0 {
			s.at, s.off = s.at.Next(), 0
			continue
		}
		if len(room) == 0 {
			next := v.Supply()
			if next == nil {
				return 0, false
			}
			head.AddSeg(last, next)
			last = next
			continue
		}
		k := min(n, len(src), len(room))
		copy(room, src[:k])
		head.AddData(last, k)
		r.add(src[:k])
		s.off += k
		n -= k
	}
	return r.acc, true
}

// finish writes what differs from segment to segment: lengths, identification,
// sequence number, flags and checksums. acc is the sum of its n bytes of
// payload.
func (s *Segmenter) finish(b []byte, n int, acc uint64) {
	ip, l4 := b[s.l2:], b[s.transport():]
	length := s.l4 + n
	if s.v6 {
		binary.BigEndian.PutUint16(ip[4:], uint16(s.l3-ipv6Len+length))
	} else {
		id := s.id + uint16(s.n)
		binary.BigEndian.PutUint16(ip[2:], uint16(s.l3+length))
		binary.BigEndian.PutUint16(ip[4:], id)
		binary.BigEndian.PutUint16(ip[ipv4Sum:], ^fold(add(s.sum4, word(s.l3+length)+word(int(id)))))
	}
	s.left -= n
	acc = add(acc, add(s.sum, word(length)))
	if s.udp {
		binary.BigEndian.PutUint16(l4[4:], uint16(length))
		put(l4[udpSum:], add(acc, word(length)))
	} else {
		put(l4[tcpSum:], add(acc, s.finishTCP(l4)))
	}
	s.n++
}

// finishTCP writes what differs in the TCP header and gives its sum.
func (s *Segmenter) finishTCP(l4 []byte) uint64 {
	seq := s.seq + uint32(s.n*s.size)
	binary.BigEndian.PutUint32(l4[4:], seq)
	var flags byte
	if s.left == 0 {
		flags = s.last
	}
	if s.n == 0 {
		flags |= s.cwr
	}
	l4[13] |= flags
	return word(int(seq>>16)) + word(int(seq&0xffff)) + word(int(flags))
}
