package route

import (
	"sync/atomic"

	"ipvd/flows/large"
)

const (
	rootBits = 16
	// unit is what the number of a node counts: the words of a small node.
	unit       = 16
	trieChunk  = 1 << 20 // words, 8 MB; a node lies in one chunk
	unitsChunk = trieChunk / unit
	// maxTrieChunks bounds the memory of a trie: 4 GB.
	maxTrieChunks = 512
)

// strides are the bits that each level of the trie decides about.
var strides = [...]int{rootBits, 8, 4, 4}

// trie4 is a set of IPv4 prefixes: a tree of four levels. A word of a node has in
// its lower half the hop of the longest prefix that ends in this level and covers
// the word's addresses, 0 for none, and in its upper half the number of the node
// below, 0 for none. So a change writes words of one node only, each as a whole,
// and no reader has to wait or begin anew: the longest prefix is the one that it
// met last.
//
// The root is a node as well, of many words: so it lies in the same huge pages.
//
// A node is never taken away, even if it is empty. Their number is bounded by the
// places where routes ever were.
type trie4 struct {
	root   []uint64 // 1<<rootBits words
	chunks [maxTrieChunks]atomic.Pointer[[trieChunk]uint64]

	// Control only.
	rootLens []uint8             // by word of root: the length of its hop's prefix plus 1; 0: it has none
	lens     []*[trieChunk]uint8 // the same by word of a chunk
	used     int                 // units of the last chunk
}

func newTrie4() *trie4 {
	t := &trie4{}
	t.node(1 << strides[1]) // node 0
	t.root, t.rootLens = t.at(t.node(1<<rootBits), 1<<rootBits)
	return t
}

// find is the hop of the longest prefix that covers a; 0 when there is none. Any
// goroutine.
func (t *trie4) find(a uint32) (hop uint32) {
	w := atomic.LoadUint64(&t.root[a>>16&0xffff])
	hop = uint32(w)
	node := uint32(w >> 32)
	if node == 0 {
		return hop
	}
	w = t.load(node, a>>8&0xff)
	if h := uint32(w); h != 0 {
		hop = h
	}
	if node = uint32(w >> 32); node == 0 {
		return hop
	}
	w = t.load(node, a>>4&0xf)
	if h := uint32(w); h != 0 {
		hop = h
	}
	if node = uint32(w >> 32); node == 0 {
		return hop
	}
	if h := uint32(t.load(node, a&0xf)); h != 0 {
		hop = h
	}
	return hop
}

// load is word i of a node. A chunk is published before a word that refers to it.
func (t *trie4) load(node, i uint32) uint64 {
	return atomic.LoadUint64(&t.chunks[node/unitsChunk%maxTrieChunks].Load()[(node%unitsChunk*unit+i)%trieChunk])
}

// set gives the prefix a/bits, which may be in, this hop. It fails when the trie
// may not grow any more.
func (t *trie4) set(a uint32, bits int, hop uint32) bool {
	words, lens := t.span(a, bits, true)
	if words == nil {
		return false
	}
	for i := range words {
		if int(lens[i]) <= bits+1 {
			put(&words[i], hop)
			lens[i] = uint8(bits + 1)
		}
	}
	return true
}

// remove takes the prefix a/bits out. shorter gives the hop of a prefix a/n that
// is in, or 0.
func (t *trie4) remove(a uint32, bits int, shorter func(a uint32, n int) uint32) {
	words, lens := t.span(a, bits, false)
	base := levelBase(bits)
	hop, n := uint32(0), bits-1
	for ; n >= base && hop == 0; n-- {
		hop = shorter(a, n)
	}
	length := uint8(0)
	if hop != 0 {
		length = uint8(n + 2) // the loop has gone one further
	}
	for i := range words {
		if int(lens[i]) == bits+1 {
			put(&words[i], hop)
			lens[i] = length
		}
	}
}

// put changes the hop of a word.
func put(word *uint64, hop uint32) { atomic.StoreUint64(word, *word&^0xffffffff|uint64(hop)) }

// levelBase is the length of the shortest prefix that ends in the level in which
// one of this length does: the root has 0 to 16, the next 17 to 24.
func levelBase(bits int) int {
	switch {
	case bits <= 16:
		return 0
	case bits <= 24:
		return 17
	case bits <= 28:
		return 25
	}
	return 29
}

// span is the words that a prefix covers in the level where it ends, and their
// lengths. With grow it makes the nodes on the way; without, they must be there.
func (t *trie4) span(a uint32, bits int, grow bool) (words []uint64, lens []uint8) {
	words, lens = t.root, t.rootLens
	above := 0
	for _, stride := range strides {
		end := above + stride
		at := int(a << above >> (32 - stride))
		if bits <= end {
			n := 1 << (end - bits)
			at &^= n - 1
			return words[at : at+n], lens[at : at+n]
		}
		node := uint32(words[at] >> 32)
		if node == 0 {
			if !grow {
				return nil, nil
			}
			if node = t.node(1 << strides[level(end)]); node == 0 {
				return nil, nil
			}
			atomic.StoreUint64(&words[at], uint64(node)<<32|words[at]&0xffffffff)
		}
		words, lens = t.at(node, 1<<strides[level(end)])
		above = end
	}
	return nil, nil // no prefix is longer than 32
}

// level is the place in strides of the level that begins behind so many bits.
func level(above int) int {
	switch above {
	case 16:
		return 1
	case 24:
		return 2
	}
	return 3
}

// at is node's words and their lengths.
func (t *trie4) at(node uint32, words int) ([]uint64, []uint8) {
	c, off := node/unitsChunk, int(node%unitsChunk)*unit
	return t.chunks[c].Load()[off : off+words], t.lens[c][off : off+words]
}

// node makes an empty node of so many words; 0 when there is no room. Node 0, the
// first and as long as any, stays empty: its number means none.
func (t *trie4) node(words int) uint32 {
	units := words / unit
	if len(t.lens) == 0 || t.used+units > unitsChunk {
		if len(t.lens) == maxTrieChunks {
			return 0
		}
		t.chunks[len(t.lens)].Store((*[trieChunk]uint64)(large.Table[uint64](trieChunk)))
		t.lens = append(t.lens, new([trieChunk]uint8))
		t.used = 0
	}
	n := uint32((len(t.lens)-1)*unitsChunk + t.used)
	t.used += units
	return n
}
