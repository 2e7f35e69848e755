package main

import (
	"github.com/spf13/cobra"

	"ipvd/cmd/internal/manual"
)

// shareCmd writes what a package installs. It is not for users.
func shareCmd() *cobra.Command {
	return &cobra.Command{
		Use: "write-share DIRECTORY", Hidden: true, Args: cobra.ExactArgs(1),
		Short: "Write man pages below a directory, as /usr/share has them",
		RunE:  func(cmd *cobra.Command, args []string) error { return manual.Write(cmd.Root(), args[0]) },
	}
}
