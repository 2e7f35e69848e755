// Package manual writes the man pages of a program from its commands.
package manual

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// Write writes the pages of root and the commands below it to man/man8 below dir,
// as /usr/share has them.
func Write(root *cobra.Command, dir string) error {
	pages := filepath.Join(dir, "man", "man8")
	if err := os.MkdirAll(pages, 0o755); err != nil {
		return err
	}
	root.DisableAutoGenTag = true
	if err := doc.GenManTree(root, &doc.GenManHeader{Section: "8", Source: "ipvd", Manual: "ipvlan in user space"}, pages); err != nil {
		return fmt.Errorf("man pages of %s: %w", root.Name(), err)
	}
	return nil
}
