package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/uml"
)

// Files in the guest's folder.
const (
	scenariosFile = "scenarios.json"
	resultsFile   = "results.json"
	positionFile  = "position.txt" // what is being done
	errorFile     = "error.txt"    // why the guest could not begin
)

// guestMemory is enough for ipvd without hugepages, in MiB.
const guestMemory = 512

// guest is this program in user-mode Linux.
type guest struct {
	self    string // this program
	program string // the first process
	limit   time.Duration
}

// flags are the guest's, in a command's help.
func (g *guest) flags(cmd *cobra.Command) {
	g.self = besideUs("ipvconform")
	if self, err := os.Executable(); err == nil {
		g.self = self
	}
	cmd.Flags().StringVar(&g.program, "guest", besideUs("ipvconform-guest"), "the program that is the first process in user-mode Linux")
	cmd.Flags().DurationVar(&g.limit, "limit", 10*time.Minute, "how long user-mode Linux may take")
}

// besideUs is a program in the folder of this one.
func besideUs(name string) string {
	self, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(self), name)
}

// order is a command of this program that takes scenarios and gives results.
type order struct {
	words   []string          // the command and its flags
	rest    []string          // what follows the files
	folders map[string]string // as in uml.Job
}

// run carries the order out in one guest. When the guest does not come to its
// end the results of what it has done are given as well.
func (g guest) run(ctx context.Context, o order, all []scenario.Scenario) ([]scenario.Result, error) {
	program, err := filepath.Abs(g.program)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("guest program: %w: build it with CGO_ENABLED=0 go build -o %s ./cmd/ipvconform/guest", err, program)
	}
	dir, err := os.MkdirTemp("", "ipvconform-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := g.prepare(dir, o, all); err != nil {
		return nil, err
	}
	console, err := uml.Run(ctx, uml.Guest{Init: program, Args: []string{dir}, Dir: dir, Memory: guestMemory, Limit: g.limit})
	return collect(dir, console, err, len(all))
}

// prepare puts into the guest's folder what it needs.
func (g guest) prepare(dir string, o order, all []scenario.Scenario) error {
	if err := scenario.Save(filepath.Join(dir, scenariosFile), all); err != nil {
		return err
	}
	self, err := filepath.Abs(g.self)
	if err != nil {
		return err
	}
	job := uml.Job{Folders: map[string]string{"self": filepath.Dir(self)}}
	for at, folder := range o.folders {
		job.Folders[at] = folder
	}
	out := func(name string) string { return filepath.Join(uml.Out, name) }
	job.Words = append([]string{"/mnt/self/" + filepath.Base(self)}, o.words...)
	job.Words = append(job.Words, "--where", here, "--position", out(positionFile), out(scenariosFile), out(resultsFile), "--")
	job.Words = append(job.Words, o.rest...)
	b, err := json.Marshal(job)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, uml.JobFile), b, 0o644)
}

// collect takes the results out of the guest's folder, of want scenarios.
func collect(dir, console string, ended error, want int) ([]scenario.Result, error) {
	if said, err := os.ReadFile(filepath.Join(dir, errorFile)); err == nil {
		return nil, fmt.Errorf("guest: %s", said)
	}
	results, err := scenario.Load[scenario.Result](filepath.Join(dir, resultsFile))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if ended == nil && err == nil && len(results) == want {
		return results, nil
	}
	if ended == nil && err == nil {
		ended = fmt.Errorf("guest: it has done %d of %d scenarios; its console:\n%s", len(results), want, strings.TrimSpace(console))
	}
	if at, none := os.ReadFile(filepath.Join(dir, positionFile)); none == nil {
		ended = fmt.Errorf("at %s: %w", at, ended)
	}
	return results, errors.Join(ended, err)
}
