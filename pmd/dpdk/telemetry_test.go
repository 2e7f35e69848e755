package dpdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// registerCommands registers this package's commands: the process can do so once.
var registerCommands = sync.OnceValue(func() error {
	command := func(name string, answer func(ctx context.Context, param string) (Answer, error)) Command {
		return Command{Name: "/test/" + name, Help: "Helps with " + name, Answer: answer}
	}
	return rt.Telemetry([]Command{
		command("dict", func(_ context.Context, param string) (Answer, error) {
			return Answer{Dict: []Entry{Text("param", param), Number("most", 1<<64-1),
				List("eth0.5/1", []string{"10.0.0.1", `a "quoted" \ word`}), List("none", nil), Text("empty", "")}}, nil
		}),
		command("list", func(context.Context, string) (Answer, error) { return Answer{List: []string{"a", "b"}}, nil }),
		command("error", func(context.Context, string) (Answer, error) { return Answer{}, errors.New("no such link") }),
		command("panic", func(context.Context, string) (Answer, error) { panic("oh") }),
		command("slow", func(ctx context.Context, _ string) (Answer, error) {
			<-ctx.Done()
			time.Sleep(answerTime / 2)
			return Answer{}, nil
		}),
		command("long", func(context.Context, string) (a Answer, err error) {
			for i := range 2000 {
				a.List = append(a.List, fmt.Sprintf("%0*d", i%200+1, i))
			}
			return a, nil
		}),
		command("wide", func(context.Context, string) (a Answer, err error) {
			for i := range 2000 {
				a.Dict = append(a.Dict, Number(fmt.Sprintf("name%d", i), uint64(i)))
			}
			return a, nil
		}),
	})
})

// client is connected to the telemetry socket.
type client struct {
	t    *testing.T
	conn net.Conn
}

func newClient(t *testing.T) client {
	t.Helper()
	if err := registerCommands(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unixpacket", rt.TelemetrySocket())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := client{t, conn}
	c.read() // who it is
	return c
}

func (c client) read() []byte {
	c.t.Helper()
	c.conn.SetDeadline(time.Now().Add(time.Minute))
	buf := make([]byte, 16<<10)
	n, err := c.conn.Read(buf)
	if err != nil {
		c.t.Fatal(err)
	}
	return buf[:n]
}

// ask gives a command and decodes its answer into a T.
func ask[T any](c client, command string) T {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(command)); err != nil {
		c.t.Fatal(err)
	}
	answer, all := c.read(), map[string]T{}
	if err := json.Unmarshal(answer, &all); err != nil {
		c.t.Fatalf("%s: %v: %s", command, err, answer)
	}
	name, _, _ := strings.Cut(command, ",")
	if _, ok := all[name]; !ok {
		c.t.Fatalf("%s: no answer in %s", command, answer)
	}
	return all[name]
}

func TestTelemetryCommandsAreAnswered(t *testing.T) {
	c := newClient(t)
	if got := ask[[]string](c, "/"); !slices.Contains(got, "/test/dict") || !slices.Contains(got, "/ethdev/list") {
		t.Errorf("commands: got %q", got)
	}
	dict := ask[map[string]any](c, "/test/dict,a,b")
	if fmt.Sprint(dict["param"], dict["eth0_5/1"], dict["none"], dict["empty"]) != `a,b[10.0.0.1 a "quoted" \ word] []` || dict["most"] != float64(1<<64) {
		t.Errorf("got %v", dict)
	}
	if got := ask[[]string](c, "/test/list"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("list: got %q", got)
	}
}

func TestTelemetryTellsWhatFailed(t *testing.T) {
	c := newClient(t)
	for command, want := range map[string]string{
		"/test/error": "no such link", "/test/panic": "/test/panic failed: oh",
		"/test/slow": "/test/slow has no answer within 1s: the daemon is busy",
	} {
		if got := ask[map[string]string](c, command); got["error"] != want {
			t.Errorf("%s: got %v, want error %q", command, got, want)
		}
	}
}

func TestTelemetryAnswersAreBounded(t *testing.T) {
	c := newClient(t)
	long := ask[[]string](c, "/test/long")
	if n := len(long); n < 50 || n > MaxAnswerList || len(long[n-1]) > MaxAnswerText {
		t.Errorf("%d texts, the last of %d bytes", n, len(long[n-1]))
	}
	wide := ask[map[string]int](c, "/test/wide")
	if len(wide) < 200 || len(wide) > MaxAnswerEntries {
		t.Errorf("%d entries", len(wide))
	}
	for _, name := range slices.Sorted(maps.Keys(wide)) {
		if want := fmt.Sprintf("name%d", wide[name]); name != want {
			t.Errorf("entry %s is %d", name, wide[name])
		}
	}
}

func TestTelemetryClientsDoNotWaitForEachOther(t *testing.T) {
	slow, quick := newClient(t), newClient(t)
	if _, err := slow.conn.Write([]byte("/test/slow")); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	begin := time.Now()
	group.Go(func() { slow.read() })
	for range 100 {
		ask[[]string](quick, "/test/list")
	}
	took := time.Since(begin)
	group.Wait()
	if all := time.Since(begin); took >= all {
		t.Errorf("a hundred answers took %v, a slow one %v", took, all)
	}
}

func TestTheTelemetrySocketIsTheOwnersAlone(t *testing.T) {
	info, err := os.Stat(rt.TelemetrySocket())
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		t.Errorf("others may connect to it: %v", info.Mode())
	}
}
