package flows

import "ipvd/pmd"

// Build makes one worker's copy of a graph. It is called once for each worker,
// on the control plane's goroutine, never while that worker runs the same
// graph; an error from any call leaves the running graph as it was.
type Build func(g *Graph) error

// Graph is one worker's graph while it is built; immutable afterwards.
type Graph struct {
	worker, workers int
	vec             *pmd.Vector
}
