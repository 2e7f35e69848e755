package config

import "testing"

func TestListenAddresses(t *testing.T) {
	for s, want := range map[string]string{"127.0.0.1:9600": "127.0.0.1:9600", ":9600": ":9600", "[::1]:0": "[::1]:0", "unix:/run//m": "unix:/run/m"} {
		var got string
		if err := (listenAddress{&got}).Set(s); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", s, got, err, want)
		}
	}
	for _, s := range []string{"", "9600", "localhost", "a:b", "a:70000", "unix:relative", "unix:/" + string(make([]byte, 200))} {
		var got string
		if err := (listenAddress{&got}).Set(s); err == nil || got != "" {
			t.Errorf("%q: taken as %q", s, got)
		}
	}
}
