package pmdtest

import "fmt"

// fault notes that a rule of the contract was broken; finish reports it, since a
// worker may break one when the test can no longer be failed from there.
func (rt *Runtime) fault(format string, args ...any) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.problems = append(rt.problems, fmt.Sprintf(format, args...))
}

// finish checks what is left when the test ends.
func (rt *Runtime) finish() {
	rt.t.Helper()
	for _, open := range []struct {
		what string
		n    int
	}{{"poll sets not closed", rt.sets}, {"vectors not closed", len(rt.vectors)}, {"threads still registered", rt.threads}} {
		if open.n != 0 {
			rt.fault("%d %s", open.n, open.what)
		}
	}
	for _, q := range rt.metered {
		if q.meter != q.owed {
			rt.fault("port %s: the worker counted %d bytes of %d received", q.port.name, q.meter, q.owed)
		}
	}
	for _, p := range rt.pools {
		p.close()
	}
	for _, p := range rt.problems {
		rt.t.Errorf("pmdtest: %s", p)
	}
}
