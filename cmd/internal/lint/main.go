// Lint checks the rules of this repository that no compiler checks: which
// folder may import which, where C and unsafe may stand, what may end the
// process, how long a file may be. The rules are the tables of rules.go.
//
// Usage: go run ./cmd/internal/lint [root]
package main

import (
	"fmt"
	"os"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	found, err := check(os.DirFS(root))
	if err != nil {
		fmt.Fprintln(os.Stderr, "lint:", err)
		os.Exit(2)
	}
	for _, f := range found {
		fmt.Println(f)
	}
	if len(found) > 0 {
		fmt.Fprintf(os.Stderr, "lint: %d findings\n", len(found))
		os.Exit(1)
	}
}
