package packet

import (
	"encoding/binary"
	"errors"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/netns"
)

func TestFramesArriveAsTheyWereSent(t *testing.T) {
	r := newRig(t, 1500)
	var frames [][]byte
	for i, n := range []int{14, 60, 61, 1000, 1514, 1518} {
		frames = append(frames, frame(n, i))
	}
	last := len(frames) - 1
	frames[last] = tagged(frames[last][:1514], unix.ETH_P_8021Q, 5) // the only frame that may be so long
	r.send(frames...)
	r.wants(frames...)
	if st := r.port.Rx()[0].Stats(); st.Packets != uint64(len(frames)) || st.Bytes != 14+60+61+1000+1514+1518 || st.Errors != 0 {
		t.Errorf("received: got %+v", st)
	}
	sent := frames[:last] // the peer's socket would not see the tag
	for _, f := range sent {
		r.queue(f)
	}
	r.step()
	for _, f := range sent {
		if got := r.recv(); !slices.Equal(got, f) {
			t.Errorf("got %d bytes, want the %d sent", len(got), len(f))
		}
	}
	if st := r.port.Tx()[0].Stats(); st.Packets != uint64(len(sent)) || st.Bytes != 14+60+61+1000+1514 {
		t.Errorf("sent: got %+v", st)
	}
}

func TestManyFramesAreReadInBursts(t *testing.T) {
	r := newRig(t, 1500)
	var frames [][]byte
	for i := range 150 {
		frames = append(frames, frame(60+i*9, i))
	}
	r.send(frames...)
	r.wants(frames[:64]...)
	r.wants(frames[64:128]...)
	r.wants(frames[128:]...)
	r.wants()
	for _, f := range frames {
		r.queue(f)
	}
	r.step()
	for i, f := range frames {
		if got := r.recv(); !slices.Equal(got, f) {
			t.Fatalf("frame %d: got %d bytes, want the %d sent", i, len(got), len(f))
		}
	}
}

func TestLongFramesTakeSeveralMbufs(t *testing.T) {
	r := newRig(t, 9000)
	r.step() // the stock of one step is too small for as many mbufs
	frames := [][]byte{frame(2047, 1), frame(2048, 2), frame(2049, 3), frame(9014, 4), frame(60, 5)}
	r.send(frames...)
	r.wants(frames...)
	r.queue(frames[3])
	r.step()
	if got := r.recv(); !slices.Equal(got, frames[3]) {
		t.Errorf("got %d bytes, want the %d sent", len(got), len(frames[3]))
	}
}

// tagged puts a VLAN tag into a frame.
func tagged(f []byte, tpid, tci uint16) []byte {
	b := binary.BigEndian.AppendUint16(slices.Clone(f[:macsLen]), tpid)
	b = binary.BigEndian.AppendUint16(b, tci)
	return append(b, f[macsLen:]...)
}

func TestVLANTagsStayInTheFrame(t *testing.T) {
	r := newRig(t, 1500)
	frames := [][]byte{
		tagged(frame(60, 1), unix.ETH_P_8021Q, 5),
		tagged(frame(60, 2), unix.ETH_P_8021AD, 0xe007),
		tagged(tagged(frame(60, 3), unix.ETH_P_8021Q, 7), unix.ETH_P_8021AD, 6),
		tagged(frame(60, 4), unix.ETH_P_8021Q, 0x6000), // a priority alone
	}
	r.send(frames...)
	r.wants(frames...)
}

// TestFragmentsComeAsTheyAre: also one whose others never come.
func TestFragmentsComeAsTheyAre(t *testing.T) {
	r := newRig(t, 1500)
	f := frame(1514, 1)
	binary.BigEndian.PutUint16(f[macsLen:], unix.ETH_P_IP)
	copy(f[etherLen:], []byte{0x45, 0, 1500 >> 8, 1500 & 0xff, 0, 9, 0x20, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2})
	sum := ^checksum(f[etherLen : etherLen+20])
	binary.BigEndian.PutUint16(f[etherLen+10:], sum)
	r.send(f)
	r.wants(f)
}

// checksum is the sum that IP and UDP complement (RFC 1071).
func checksum(parts ...[]byte) uint16 {
	sum := uint32(0)
	for _, b := range parts {
		for i := 0; i+1 < len(b); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(b[i:]))
		}
		if len(b)%2 == 1 {
			sum += uint32(b[len(b)-1]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

func TestChecksumsThatTheSenderLeftAreCompleted(t *testing.T) {
	for _, n := range []int{1, 2, 999, 1000, 5001} {
		r := newRig(t, 9000)
		r.step()
		r.ip(r.peer, "addr add 10.3.0.1/24 dev p0")
		err := netns.Do(r.peerFD, func() error {
			c, err := net.Dial("udp", "10.3.0.2:9")
			if err != nil {
				return err
			}
			defer c.Close()
			_, err = c.Write(frame(n+etherLen, n)[etherLen:])
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		got := r.received()
		if len(got) != 1 || len(got[0]) != etherLen+20+8+n {
			t.Fatalf("%d bytes: got frames %x, want one", n, got)
		}
		ip, udp := got[0][etherLen:etherLen+20], got[0][etherLen+20:]
		pseudo := append(slices.Clone(ip[12:20]), 0, unix.IPPROTO_UDP, udp[4], udp[5])
		if sum := checksum(pseudo, udp); sum != 0xffff {
			t.Errorf("%d bytes: the datagram sums up to %#x, want 0xffff", n, sum)
		}
	}
}

// TestUnfinishedFramesAreFinishedByTheKernel: the wire completes and segments
// nothing itself.
func TestUnfinishedFramesAreFinishedByTheKernel(t *testing.T) {
	const size, parts, start = 1000, 3, etherLen + 20
	r := newRig(t, 1500)
	r.shell(r.wire, "ethtool -K w0 tx off tso off gso off")
	sock := r.socket(r.peerFD, "p0", unix.ETH_P_IP)
	f := frame(start+8+size*parts, 1)
	binary.BigEndian.PutUint16(f[macsLen:], unix.ETH_P_IP)
	n := len(f) - etherLen
	copy(f[etherLen:], []byte{0x45, 0, byte(n >> 8), byte(n), 0, 9, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2})
	binary.BigEndian.PutUint16(f[etherLen+10:], ^checksum(f[etherLen:start]))
	copy(f[start:], []byte{1, 2, 3, 4, byte((n - 20) >> 8), byte(n - 20), 0, 0})
	binary.BigEndian.PutUint16(f[start+6:], checksum(f[etherLen+12:start], []byte{0, 17}, f[start+4:start+6]))
	r.queueUnfinished(f, pmd.VnetHdr{Flags: pmd.VnetNeedsCsum, GSOType: pmd.VnetUDP, GSOSize: size, HdrLen: start + 8, CsumStart: start, CsumOffset: 6})
	r.step()
	for i := range parts {
		got := make([]byte, 1<<16)
		m, err := unix.Read(sock, got)
		if err != nil || m != start+8+size {
			t.Fatalf("segment %d: got %d bytes and error %v, want %d", i, m, err, start+8+size)
		}
		ip, udp := got[etherLen:start], got[start:m]
		if sum := checksum(ip[12:20], []byte{0, 17}, udp[4:6], udp); sum != 0xffff {
			t.Errorf("segment %d sums up to %#x, want 0xffff", i, sum)
		}
		if want := f[start+8+i*size:][:size]; !slices.Equal(udp[8:], want) {
			t.Errorf("segment %d has other content than its part of the frame", i)
		}
	}
}

// TestFrameToBeSegmentedIsAnError: nobody behind the port could segment it.
func TestFrameToBeSegmentedIsAnError(t *testing.T) {
	r := newRig(t, 1500)
	if err := unix.SetsockoptInt(r.sock, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
		t.Fatal(err)
	}
	f := frame(4000, 1)
	binary.BigEndian.PutUint16(f[macsLen:], unix.ETH_P_IP)
	copy(f[etherLen:], []byte{0x45, 0, 3986 >> 8, 3986 & 0xff, 0, 9, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2})
	f[etherLen+20+12], f[etherLen+20+13] = 5<<4, 0x10 // a TCP header of 20 bytes, ACK
	const gsoTCPv4, headers, mss = 1, etherLen + 40, 1400
	hdr := []byte{needsCsum, gsoTCPv4}
	for _, v := range []uint16{headers, mss, etherLen + 20, 16} {
		hdr = binary.NativeEndian.AppendUint16(hdr, v)
	}
	// The kernel checks the protocol, which is the socket's unless it is told.
	if err := unix.Sendto(r.sock, append(hdr, f...), 0, &unix.SockaddrLinklayer{Protocol: network(unix.ETH_P_IP), Ifindex: r.peerIndex()}); err != nil {
		t.Fatal(err)
	}
	r.send(append(make([]byte, vnetHdrLen), frame(60, 2)...))
	r.wants(frame(60, 2))
	if st := r.port.Rx()[0].Stats(); st.Errors != 1 || st.Packets != 1 {
		t.Errorf("got %+v, want an error and a packet", st)
	}
	r.send(append(make([]byte, vnetHdrLen), frame(60, 3)...))
	r.wants(frame(60, 3))
}

func TestWhatOthersSendIsNotReceived(t *testing.T) {
	r := newRig(t, 1500)
	other := r.socket(r.wireFD, "w0", 0)
	if _, err := unix.Write(other, frame(60, 1)); err != nil {
		t.Fatal(err)
	}
	r.recv()
	r.queue(frame(60, 2))
	r.step()
	r.recv()
	r.wants()
}

func TestWhatTheSocketHasNoRoomForIsMissed(t *testing.T) {
	r := newRig(t, 1500)
	if err := unix.SetsockoptInt(r.port.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 20000); err != nil {
		t.Fatal(err)
	}
	const sent = 500
	for i := range sent {
		r.send(frame(1000, i))
	}
	n := 0
	for got := -1; got != 0; n += got {
		got = len(r.received())
	}
	for range 2 { // the kernel tells each only once
		if missed := r.port.Stats().Missed; n == 0 || missed == 0 || n+int(missed) != sent {
			t.Errorf("got %d frames and %d missed, want %d in all", n, missed, sent)
		}
	}
}

func TestPortOfAnInterfaceThatIsDownRefuses(t *testing.T) {
	r := newRig(t, 1500)
	r.ip(r.wire, "link set w0 down")
	if r.port.Carrier() {
		t.Error("carrier: got true of an interface that is down")
	}
	r.wants() // takes the socket's error
	r.queue(frame(60, 1))
	r.step()
	if st := r.port.Tx()[0].Stats(); st.Refused != 1 || r.port.Gone() {
		t.Errorf("got %+v and gone %v, want one refused and the port still there", st, r.port.Gone())
	}
	r.ip(r.wire, "link set w0 up")
	r.send(frame(60, 2))
	r.wants(frame(60, 2))
	if !r.port.Carrier() {
		t.Error("carrier: got false of an interface that is up")
	}
}

func TestInterfaceGoes(t *testing.T) {
	for _, notice := range []string{"receive", "send", "control"} {
		r := newRig(t, 1500)
		r.ip(r.wire, "link del w0")
		switch notice {
		case "receive":
			r.wants()
		case "send":
			unix.GetsockoptInt(r.port.fd, unix.SOL_SOCKET, unix.SO_ERROR) // takes the error that receiving would see
			r.queue(frame(60, 1))
			r.step()
		case "control":
			if err := r.port.SetMTU(1000); !errors.Is(err, pmd.ErrGone) {
				t.Errorf("set MTU: got %v, want %v", err, pmd.ErrGone)
			}
		}
		if !r.port.Gone() || r.port.Carrier() {
			t.Errorf("%s: got gone %v, carrier %v, want a port that is gone", notice, r.port.Gone(), r.port.Carrier())
		}
		before := r.port.Tx()[0].Stats().Refused
		r.queue(frame(60, 1))
		r.step()
		if got := r.port.Tx()[0].Stats().Refused - before; got != 1 {
			t.Errorf("%s: got %d refused, want 1", notice, got)
		}
	}
}

func TestSleeperIsWoken(t *testing.T) {
	r := newRig(t, 1500)
	readable := func() bool {
		fd, all := r.set.WaitFD()
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return all && err == nil && n == 1
	}
	if readable() {
		t.Error("readable before anything came")
	}
	r.send(frame(60, 1))
	if !readable() {
		t.Error("not readable with a frame")
	}
	r.wants(frame(60, 1))
	if readable() {
		t.Error("readable after the frame was read")
	}
	r.ip(r.wire, "link del w0")
	r.wants()
	if readable() {
		t.Error("readable for an interface that is gone")
	}
}

func TestInterfaceIsChanged(t *testing.T) {
	r := newRig(t, 1500)
	mac := net.HardwareAddr{2, 0, 0, 0, 9, 9}
	if err := errors.Join(r.port.SetMTU(1400), r.port.SetMAC(mac), r.port.SetPromiscuous(true), r.port.SetPromiscuous(true)); err != nil {
		t.Fatal(err)
	}
	show := func() string {
		out, err := exec.Command("ip", "-n", r.wire, "-d", "link", "show", "w0").CombinedOutput()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if i := r.port.Info(); i.MTU != 1400 || i.MAC.String() != mac.String() || i.Driver != "af_packet" {
		t.Errorf("info: got %+v", i)
	}
	for _, want := range []string{"mtu 1400", mac.String(), "promiscuity 1 "} {
		if out := show(); !strings.Contains(out, want) {
			t.Errorf("want %q in %s", want, out)
		}
	}
	if err := r.port.SetPromiscuous(false); err != nil {
		t.Fatal(err)
	}
	if out := show(); !strings.Contains(out, "promiscuity 0 ") {
		t.Errorf("want no promiscuity in %s", out)
	}
	if err := r.port.SetMTU(10); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "set MTU 10") {
		t.Errorf("MTU 10: got %v", err)
	}
	r.queue(frame(1415, 1))
	r.step()
	if st := r.port.Tx()[0].Stats(); st.TooBig != 1 {
		t.Errorf("a frame over the MTU: got %+v, want one too big", st)
	}
}

func TestOpenTellsWhatIsWrong(t *testing.T) {
	r := newRig(t, 1500)
	for what, cfg := range map[string]Config{"nosuch": {Device: "nosuch"}, "MTU 10": {Device: "w0", MTU: 10}} {
		if p, err := Open(r.wireFD, cfg); err == nil || p != nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%+v: got %v and %v, want an error with %q", cfg, p, err, what)
		}
	}
	if _, err := Open(-1, Config{Device: "w0"}); !errors.Is(err, unix.EBADF) {
		t.Errorf("no namespace: got %v", err)
	}
	p, err := Open(r.wireFD, Config{Device: "w0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Errorf("two closes: %v", err)
	}
	for what, err := range map[string]error{"MTU": p.SetMTU(1000), "MAC": p.SetMAC(p.Info().MAC), "filter": p.SetPromiscuous(true)} {
		if !errors.Is(err, pmd.ErrClosed) {
			t.Errorf("%s of a closed port: got %v, want %v", what, err, pmd.ErrClosed)
		}
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	r := newRig(t, 1500)
	f := frame(200, 1)
	deadline := time.Now().Add(30 * time.Second)
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := unix.Write(r.sock, f); err != nil {
			t.Fatal(err)
		}
		for n := 0; n == 0 && time.Now().Before(deadline); {
			r.step()
			l := r.set.RxList()
			for _, seg := range l.Segs[:l.N] {
				n += int(seg.N)
				r.set.TxList().Add(r.txSlot, pmd.Burst{Off: seg.Off, N: seg.N})
			}
		}
	})
	r.step()
	if allocs != 0 {
		t.Errorf("got %v allocations a step, want 0", allocs)
	}
	if st := r.port.Tx()[0].Stats(); st.Packets != 101 {
		t.Errorf("sent back: got %+v, want 101 packets", st)
	}
}
