// Package memory has ports without a device: a program puts frames in by hand, and
// what a graph sends is counted and forgotten. With it a program asks its own data
// plane what it would do with a frame (flows.Stepper, flows/watch), beside the
// ports that carry packets and without DPDK. Everything is for one goroutine.
package memory
