package dpdk

import (
	"errors"
	"strings"
	"testing"

	"ipvd/pmd"
)

func TestPoolTooLargeTellsBothSizes(t *testing.T) {
	_, err := rt.NewPool(PoolConfig{Name: "huge", Size: 1 << 20})
	if !errors.Is(err, pmd.ErrNoMemory) {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{"huge", "1048576 mbufs", "need 2369 MiB", "of 256 MiB", "more memory"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
}

func TestPoolRefusesSizesOutOfRange(t *testing.T) {
	for _, cfg := range []PoolConfig{{Size: 0}, {Size: -1}, {Size: 63, DataRoom: 65535}, {Size: 63, DataRoom: -1}} {
		if p, err := rt.NewPool(cfg); err == nil {
			t.Errorf("%+v: made a pool", cfg)
			p.Close()
		}
	}
}

func TestPoolInUseStaysWithItsUsers(t *testing.T) {
	pool := newTestPool(t, 1023)
	w := asWorker(t, pool, 64, 32)
	if got := pool.InUse(); got != 0 {
		t.Errorf("in use before the first step: %d", got)
	}
	w.step()
	if got := pool.InUse(); got != 32 {
		t.Errorf("in use with a stock of 32: %d", got)
	}
	if err := pool.Close(); !errors.Is(err, pmd.ErrBusy) {
		t.Errorf("close while in use: %v", err)
	}
	if m := w.v.Alloc(); m.DataLen() != 0 || m.HeadroomLen() != pmd.Headroom || m.Tailroom() != pool.DataRoom() {
		t.Errorf("fresh mbuf: %d bytes, headroom %d, tailroom %d", m.DataLen(), m.HeadroomLen(), m.Tailroom())
	} else {
		w.v.Drop(m)
	}
}

func TestClosedPoolIsEmpty(t *testing.T) {
	p, err := rt.NewPool(PoolConfig{Name: "short", Size: 63, Cache: 16})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if p.InUse() != 0 {
		t.Errorf("in use: %d", p.InUse())
	}
	if _, err := rt.Attach("net_null0", PortOptions{Pool: p}); !errors.Is(err, pmd.ErrClosed) {
		t.Errorf("attach with a closed pool: %v", err)
	}
	if _, err := rt.NewVector(p, 8, 8); !errors.Is(err, pmd.ErrClosed) {
		t.Errorf("vector from a closed pool: %v", err)
	}
}

func TestSmallStockOfAnEmptyPool(t *testing.T) {
	pool := newTestPool(t, 31)
	w := asWorker(t, pool, 64, 64)
	for range 4 {
		w.step()
	}
	if w.v.NStock < 16 || w.v.NStock > 31 {
		t.Errorf("stock of %d from a pool of 31", w.v.NStock)
	}
}
