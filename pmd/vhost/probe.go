package vhost

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Probe asks the backend that listens at a socket for its features, and says what is
// wrong when it does not answer within limit.
func Probe(path string, limit time.Duration) error {
	c, err := net.DialTimeout("unix", path, limit)
	if err != nil {
		return fmt.Errorf("vhost-user backend: %w", err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		return fmt.Errorf("vhost-user backend %s: %w", path, err)
	}
	request := binary.LittleEndian.AppendUint32(nil, getFeatures)
	request = binary.LittleEndian.AppendUint32(request, versionOne)
	request = binary.LittleEndian.AppendUint32(request, 0)
	if _, err = c.Write(request); err == nil {
		err = readFeatures(c)
	}
	if err != nil {
		return fmt.Errorf("vhost-user backend %s does not tell its features: %w", path, err)
	}
	return nil
}

func readFeatures(c net.Conn) error {
	var reply [headerLen + 8]byte
	if _, err := io.ReadFull(c, reply[:]); err != nil {
		return err
	}
	if got := binary.LittleEndian.Uint32(reply[:]); got != getFeatures {
		return fmt.Errorf("answer to request %d, not %d: %w", got, getFeatures, unix.EPROTO)
	}
	return nil
}
