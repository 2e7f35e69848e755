// Package suite tests the daemon and its client as their users meet them: built
// programs, namespaces with a router, a host and containers, and real traffic. It
// needs root, and finds nothing of its own left when a test has ended.
package suite
