package main

import (
	"encoding/json"
	"fmt"
	"net"
	"time"
)

// unixctl asks a daemon of Open vSwitch what `ovs-appctl` would ask it
// (ovs-appctl(8)), without a process for each question.
type unixctl struct {
	conn net.Conn
	in   *json.Decoder
	asks int
}

func dialUnixctl(path string) (*unixctl, error) {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket of Open vSwitch: %w", err)
	}
	return &unixctl{conn: conn, in: json.NewDecoder(conn)}, nil
}

// ask gives the answer's text.
func (u *unixctl) ask(method string, params ...string) (string, error) {
	u.asks++
	question := struct {
		ID     int      `json:"id"`
		Method string   `json:"method"`
		Params []string `json:"params"`
	}{u.asks, method, append([]string{}, params...)}
	var answer struct{ Result, Error *string }
	err := u.conn.SetDeadline(time.Now().Add(ovsLimit))
	if err == nil {
		err = json.NewEncoder(u.conn).Encode(question)
	}
	if err == nil {
		err = u.in.Decode(&answer)
	}
	switch {
	case err != nil:
	case answer.Error != nil:
		err = fmt.Errorf("refused: %s", *answer.Error)
	case answer.Result == nil:
		err = fmt.Errorf("no answer")
	default:
		return *answer.Result, nil
	}
	return "", fmt.Errorf("ask Open vSwitch for %s: %w", method, err)
}
