package kind

import "fmt"

// memif is a shared memory interface, of our own (pmd/memif).
func memif() Kind {
	return Kind{Name: "memif", Takes: []string{"socket", "role", "queues", "id", "secret", "trusted", "learn"},
		Short: "shared memory with VPP, DPDK or libmemif",
		check: func(o Options) error {
			if o.MemifID < 0 || int64(o.MemifID) > 1<<32-1 {
				return fmt.Errorf("id %d is not between 0 and %d", o.MemifID, int64(1<<32-1))
			}
			if len(o.Secret) > 24 {
				return fmt.Errorf("secret has %d bytes, more than 24", len(o.Secret))
			}
			return checkSocket(o)
		}}
}
