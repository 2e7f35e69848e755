package wire

import (
	"math/rand/v2"
	"testing"
)

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// slowSum is RFC 1071's definition, a word at a time.
func slowSum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		w := uint32(b[i]) << 8
		if i+1 < len(b) {
			w |= uint32(b[i+1])
		}
		sum += w
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

func TestChecksumEqualsItsDefinitionAtEveryLength(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 130 {
		b := randomBytes(r, n)
		if got, want := Checksum(b), ^slowSum(b); got != want {
			t.Fatalf("%d bytes: got %#04x, want %#04x", n, got, want)
		}
	}
}

func TestChecksumKnownValue(t *testing.T) {
	// RFC 1071, section 3: 0001 f203 f4f5 f6f7 sums to ddf2.
	b := []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}
	if got := Fold(Sum(b, 0)); got != 0xddf2 {
		t.Fatalf("got %#04x, want 0xddf2", got)
	}
}

func TestUpdateEqualsANewSum(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 20000 {
		b := randomBytes(r, 40)
		if r.Uint32()%4 == 0 { // many ones' complement zeros
			clear(b[4:])
		}
		sum := Checksum(b)
		old := uint16(b[10])<<8 | uint16(b[11])
		b[10], b[11] = byte(r.Uint32()), byte(r.Uint32())
		sum = Update(sum, old, uint16(b[10])<<8|uint16(b[11]))

		was := MAC(b[20:26])
		copy(b[20:26], randomBytes(r, 6))
		sum = UpdateMAC(sum, was, MAC(b[20:26]))
		if got := Fold(uint64(sum) + Sum(b, 0)); got != 0xffff {
			t.Fatalf("sum %#04x over % x folds to %#04x, want 0xffff", sum, b, got)
		}
	}
}

func TestUpdateKnownValue(t *testing.T) {
	// RFC 1624, section 4: 0x5555 becomes 0x3285 under checksum 0xdd2f.
	if got := Update(0xdd2f, 0x5555, 0x3285); got != 0x0000 {
		t.Fatalf("got %#04x, want 0", got)
	}
}

func BenchmarkUpdate(b *testing.B) {
	var s uint16
	for i := range b.N {
		s = Update(s, 0x4011, uint16(i))
	}
	if b.N > 1<<40 {
		b.Log(s)
	}
}
