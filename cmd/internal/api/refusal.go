package api

import (
	"errors"
	"net/http"

	"golang.org/x/sys/unix"
)

// Refusal is a request that was not done, and why: what Check returns, and what
// a client gets from the daemon. It wraps its errno, so that
// errors.Is(err, unix.EADDRINUSE) works at both ends.
type Refusal struct {
	Text  string
	Errno unix.Errno // 0: none fits
}

// Error is the text.
func (r *Refusal) Error() string { return r.Text }

// Unwrap is the errno, if there is one.
func (r *Refusal) Unwrap() error {
	if r.Errno == 0 {
		return nil
	}
	return r.Errno
}

// reply is the HTTP status and body for an error.
func reply(err error) (int, Error) {
	e := Error{Error: err.Error()}
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return http.StatusInternalServerError, e
	}
	e.Code = unix.ErrnoName(errno)
	switch errno {
	case unix.EINVAL, unix.ENAMETOOLONG, unix.ERANGE:
		return http.StatusBadRequest, e
	case unix.EPERM, unix.EACCES:
		return http.StatusForbidden, e
	case unix.ENODEV, unix.ENOENT, unix.EADDRNOTAVAIL:
		return http.StatusNotFound, e
	case unix.EEXIST, unix.EBUSY, unix.EADDRINUSE:
		return http.StatusConflict, e
	case unix.EOPNOTSUPP:
		return http.StatusNotImplemented, e
	}
	return http.StatusInternalServerError, e
}

// refusal is what the other end made a reply of.
func refusal(e Error) *Refusal {
	r := &Refusal{Text: e.Error}
	for n := unix.Errno(1); n < 256 && e.Code != ""; n++ {
		if unix.ErrnoName(n) == e.Code {
			r.Errno = n
			break
		}
	}
	return r
}
