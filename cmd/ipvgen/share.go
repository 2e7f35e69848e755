package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// shareCmd writes what a package installs. It is not for users.
func shareCmd() *cobra.Command {
	return &cobra.Command{
		Use: "write-share DIRECTORY", Hidden: true, Args: cobra.ExactArgs(1),
		Short: "Write man pages below a directory, as /usr/share has them",
		RunE:  func(cmd *cobra.Command, args []string) error { return writeShare(cmd.Root(), args[0]) },
	}
}

func writeShare(root *cobra.Command, dir string) error {
	pages := filepath.Join(dir, "man", "man8")
	if err := os.MkdirAll(pages, 0o755); err != nil {
		return err
	}
	root.DisableAutoGenTag = true
	if err := doc.GenManTree(root, &doc.GenManHeader{Section: "8", Source: "ipvd", Manual: "ipvlan in user space"}, pages); err != nil {
		return fmt.Errorf("man pages of ipvgen: %w", err)
	}
	return nil
}
