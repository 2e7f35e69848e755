package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"ipvd/cmd/internal/config"
	"ipvd/cmd/internal/manual"
)

// shareCmd writes what a package installs. It is not for users.
func (c *ctl) shareCmd() *cobra.Command {
	return &cobra.Command{
		Use: "write-share DIRECTORY", Hidden: true, Args: cobra.ExactArgs(1),
		Short: "Write man pages of ipvctl and ipvd, and completions for bash, zsh and fish, below a directory",
		RunE:  func(cmd *cobra.Command, args []string) error { return writeShare(cmd.Root(), args[0]) },
	}
}

// writeShare writes below dir as /usr/share has them.
func writeShare(root *cobra.Command, dir string) error {
	daemon := config.Command(func(config.Config) error { return nil })
	daemon.AddCommand(config.DoctorCommand(nil))
	for _, program := range []*cobra.Command{root, daemon} {
		if err := manual.Write(program, dir); err != nil {
			return err
		}
	}
	for path, write := range map[string]func(string) error{
		"bash-completion/completions/ipvctl":    func(p string) error { return root.GenBashCompletionFileV2(p, true) },
		"zsh/vendor-completions/_ipvctl":        root.GenZshCompletionFile,
		"fish/vendor_completions.d/ipvctl.fish": func(p string) error { return root.GenFishCompletionFile(p, true) },
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := write(path); err != nil {
			return fmt.Errorf("completion %s: %w", path, err)
		}
	}
	return nil
}
