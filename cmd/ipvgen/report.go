package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvgen/internal/report"
)

func reportCmd() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "report RESULT...",
		Short: "Make one HTML page with plots of results that --json wrote",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			docs, err := readResults(args)
			if err != nil {
				return err
			}
			if output == "-" {
				return report.HTML(cmd.OutOrStdout(), docs...)
			}
			return create(output, func(w io.Writer) error { return report.HTML(w, docs...) })
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "-", "file to write; - is standard output")
	return cmd
}

func readResults(files []string) ([]report.Document, error) {
	var docs []report.Document
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		d, err := report.Read(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		docs = append(docs, d)
	}
	return docs, nil
}
