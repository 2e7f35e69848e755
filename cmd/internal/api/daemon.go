package api

import (
	"context"
	"os"
)

// Daemon does what a client asks for. Its methods are called from many
// goroutines at once. An error that wraps an errno (unix.EEXIST, …) reaches the
// client as that errno; ctx ends when the client goes away.
type Daemon interface {
	LinkAdd(ctx context.Context, c Caller, r LinkAdd) (Link, error)
	LinkDel(ctx context.Context, c Caller, r LinkDel) error
	LinkSet(ctx context.Context, c Caller, r LinkSet) error
	Links(ctx context.Context, c Caller, f LinkFilter) ([]Link, error)

	AddrAdd(ctx context.Context, c Caller, r AddrChange) error
	AddrDel(ctx context.Context, c Caller, r AddrChange) error
	Addrs(ctx context.Context, c Caller, f AddrFilter) ([]Addr, error)

	Routes(ctx context.Context, f RouteFilter) ([]Route, error)
	RouteGet(ctx context.Context, q RouteQuery) (Route, error)
	Neighbours(ctx context.Context, f RouteFilter) ([]Neighbour, error)

	Flows(ctx context.Context) ([]Flow, error)
	FlowFlush(ctx context.Context, c Caller, r FlowFlush) error
	Host(ctx context.Context) ([]HostChange, error)

	Stats(ctx context.Context, detail bool) ([]Counter, error)
	Verify(ctx context.Context) (Verify, error)
	Graph(ctx context.Context) (string, error) // in Graphviz's DOT
	Status(ctx context.Context) (Status, error)

	Insight
	Configuration
}

// Caller is the process at the other end of the socket, as the kernel knew it
// when it connected (SO_PEERCRED in unix(7)).
type Caller struct {
	PID, UID, GID int

	// Netns is the caller's network namespace, open while the method runs; to
	// keep it, duplicate it. Nil when the caller has ended or is not visible.
	Netns *os.File
}
