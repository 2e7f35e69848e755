package peer

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// maxMapped is the most memory of a peer that a session maps, in bytes: address
// space, and page tables where it is used.
const maxMapped = 256 << 30

// Region is a part of a file that the peer shares, in our address space. Its bytes
// may change at any time.
type Region struct {
	Bytes []byte
	whole []byte // what was mapped, to be unmapped
}

// Map maps size bytes from offset on of a file, which it closes. It refuses files
// that are shorter, or whose pages do not come from memory.
func (s *Session) Map(fd int, offset, size uint64) (*Region, error) {
	defer unix.Close(fd)
	return s.Share(fd, offset, size)
}

// Share is Map for a file that stays the caller's.
func (s *Session) Share(fd int, offset, size uint64) (*Region, error) {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if err := errors.Join(unix.Fstatfs(fd, &fs), unix.Fstat(fd, &st)); err != nil {
		return nil, fmt.Errorf("region: %w", err)
	}
	page := uint64(unix.Getpagesize())
	switch fs.Type {
	case unix.TMPFS_MAGIC:
	case unix.HUGETLBFS_MAGIC:
		page = uint64(st.Blksize)
	default:
		return nil, fmt.Errorf("region: its file is of type %#x, neither memfd nor tmpfs nor hugetlbfs: %w", fs.Type, unix.EINVAL)
	}
	if size == 0 || size > maxMapped || offset > maxMapped || offset+size > uint64(st.Size) || s.mapped()+size > maxMapped {
		return nil, fmt.Errorf("region: %d bytes from %d on, of a file of %d: %w", size, offset, st.Size, unix.EINVAL)
	}
	lead := offset % page
	length := (lead + size + page - 1) / page * page
	b, err := unix.Mmap(fd, int64(offset-lead), int(length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("region: map %d bytes: %w", length, err)
	}
	r := &Region{Bytes: b[lead : lead+size : lead+size], whole: b}
	s.regions = append(s.regions, r)
	return r, nil
}

func (s *Session) mapped() (sum uint64) {
	for _, r := range s.regions {
		sum += uint64(len(r.whole))
	}
	return sum
}

// Unmap unmaps all regions of the session, which must be Down.
func (s *Session) Unmap() {
	for _, r := range s.regions {
		_ = unix.Munmap(r.whole) // of what was mapped, whole
	}
	s.regions = nil
}
