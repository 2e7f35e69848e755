package main

import (
	"encoding/json"
	"fmt"
	"io"

	"ipvd/cmd/internal/config"
	"ipvd/cmd/internal/doctor"
)

// examine looks at this machine, and fails when something is missing that ipvd needs.
func examine(out io.Writer, masters []config.Master, workers []int, asJSON bool) error {
	all := doctor.Here(masters, workers).Look()
	failed := 0
	var err error
	if asJSON {
		for _, f := range all {
			if f.State == doctor.Fail {
				failed++
			}
		}
		err = json.NewEncoder(out).Encode(all)
	} else {
		failed, err = doctor.Print(out, all)
	}
	if err == nil && failed > 0 {
		err = fmt.Errorf("doctor: %d of %d things fail", failed, len(all))
	}
	return err
}
