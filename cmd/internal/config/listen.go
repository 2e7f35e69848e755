package config

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// listenAddress is a flag's value that is ADDRESS:PORT or unix:PATH.
type listenAddress struct{ p *string }

func (v listenAddress) Type() string { return "ADDRESS" }

func (v listenAddress) String() string {
	if v.p == nil {
		return ""
	}
	return *v.p
}

func (v listenAddress) Set(s string) error {
	if file, ok := strings.CutPrefix(s, "unix:"); ok {
		var clean string
		if err := (path{&clean, maxSocketPath}).Set(file); err != nil {
			return err
		}
		*v.p = "unix:" + clean
		return nil
	}
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("want ADDRESS:PORT, such as 127.0.0.1:9600, or unix:PATH")
	}
	*v.p = s
	return nil
}
