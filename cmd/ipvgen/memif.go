package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"ipvd/cmd/internal/kind"
	"ipvd/pmd"
	"ipvd/pmd/memif"
)

// memifPrefix begins a port that is a memif of ours: it waits for its peer in either
// role and outlives it. DPDK's, net_memif, frees the peer's memory while it is read
// when the peer leaves, which ends the process.
const memifPrefix = "memif,"

const (
	etherMTU = 1500 // bytes
	localMAC = 2    // first byte of a locally administered address (IEEE 802)
)

// openMemif opens `memif,socket=PATH[,role=client|server][,id=N][,secret=S][,slots=N]`.
func openMemif(port string, mtu int) (pmd.Port, error) {
	c, err := parseMemif(port)
	if err != nil {
		return nil, fmt.Errorf("port %s: %w", port, err)
	}
	if c.MTU = mtu; mtu == 0 {
		c.MTU = etherMTU
	}
	c.MAC = net.HardwareAddr{localMAC, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(c.MAC[2:], rand.Uint32())
	return memif.Open(c)
}

func parseMemif(port string) (c memif.Config, err error) {
	c.Name = "ipvgen"
	for word := range strings.SplitSeq(strings.TrimPrefix(port, memifPrefix), ",") {
		key, value, _ := strings.Cut(word, "=")
		var n uint64
		switch key {
		case "socket":
			c.Path, err = filepath.Abs(value)
		case "role":
			c.Server, err = kind.Server(value)
		case "id":
			n, err = strconv.ParseUint(value, 10, 32)
			c.ID = uint32(n)
		case "secret":
			c.Secret = value
		case "slots":
			n, err = strconv.ParseUint(value, 10, 15)
			c.Slots = int(n)
		default:
			err = fmt.Errorf("%q is unknown, want socket, role, id, secret or slots", key)
		}
		if err != nil {
			return c, fmt.Errorf("%s: %w", word, err)
		}
	}
	if c.Path == "" {
		return c, fmt.Errorf("no socket is given: say memif,socket=PATH")
	}
	return c, nil
}
