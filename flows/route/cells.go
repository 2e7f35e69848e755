package route

import "sync/atomic"

const (
	chunkBits = 10
	chunkLen  = 1 << chunkBits
	maxChunks = 4096
	// rest is for how many ticks the number of a cell is not given away again: a
	// worker that has read it may have been off its CPU since.
	rest = 60 * TicksPerSecond
)

// cells are values that words of a table refer to by number, from 1 on. A value
// is never changed while it has a number.
type cells[T any] struct {
	chunks [maxChunks]atomic.Pointer[[chunkLen]atomic.Pointer[T]]

	// Control only.
	next  uint32 // the first number never used
	freed []freed
}

type freed struct{ id, tick uint32 }

// at is the value with number id; nil when there is none. Any goroutine.
func (c *cells[T]) at(id uint32) *T {
	if id>>chunkBits >= maxChunks {
		return nil
	}
	chunk := c.chunks[id>>chunkBits].Load()
	if chunk == nil {
		return nil
	}
	return chunk[id%chunkLen].Load()
}

// put gives v a number; 0 when there is none left.
func (c *cells[T]) put(v *T, now uint32) (id uint32) {
	switch {
	case len(c.freed) > 0 && now-c.freed[0].tick > rest:
		id = c.freed[0].id
		c.freed = c.freed[1:]
	case c.next < chunkLen*maxChunks-1:
		c.next++
		id = c.next
	default:
		return 0
	}
	chunk := &c.chunks[id>>chunkBits]
	if chunk.Load() == nil {
		chunk.Store(new([chunkLen]atomic.Pointer[T]))
	}
	chunk.Load()[id%chunkLen].Store(v)
	return id
}

// free takes back a number that no table has any more. Its value stays until the
// number is used again.
func (c *cells[T]) free(id, now uint32) { c.freed = append(c.freed, freed{id, now}) }
