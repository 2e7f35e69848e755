package volley

import (
	"errors"
	"fmt"
	"testing"

	"ipvd/cmd/ipvconform/scenario"
)

// manyShots are shots, and all of them as a part.
func manyShots(n int) (shots []Shot, part []int) {
	for i := range n {
		shots, part = append(shots, Shot{"wire", udp4Numbered(i)}), append(part, i)
	}
	return shots, part
}

func TestAVolleyThatIsTooLargeIsFiredInSmallOnes(t *testing.T) {
	shots, part := manyShots(3*small + 1)
	var fired []int
	attempt := func(f *flight) error {
		fired = append(fired, len(f.part))
		for _, i := range f.part {
			f.outcomes[i].Error = fmt.Sprint(i)
		}
		if len(f.part) > small {
			return fmt.Errorf("%w: queue of s0: 1", ErrLost)
		}
		return nil
	}
	a := Answer{Outcomes: make([]scenario.Outcome, len(shots))}
	if err := volleys(attempt, shots, part, &a); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(fired), fmt.Sprint([]int{61, 61, 61, 20, 20, 20, 1}); got != want {
		t.Errorf("got volleys of %s shots, want %s", got, want)
	}
	for i, o := range a.Outcomes {
		if o.Error != fmt.Sprint(i) {
			t.Errorf("shot %d has the outcome of %q", i, o.Error)
		}
	}
	if len(a.Repeated) != attempts {
		t.Errorf("got %d reasons to repeat, want %d", len(a.Repeated), attempts)
	}
}

func TestWhatIsLostInSmallVolleysIsAnError(t *testing.T) {
	shots, part := manyShots(2 * small)
	n := 0
	attempt := func(*flight) error { n++; return fmt.Errorf("%w: no probe came from wire", ErrLost) }
	a := Answer{Outcomes: make([]scenario.Outcome, len(shots))}
	if err := volleys(attempt, shots, part, &a); !errors.Is(err, ErrLost) || n != 2*attempts {
		t.Errorf("got error %v after %d volleys, want %v after %d", err, n, ErrLost, 2*attempts)
	}
}

func TestALossThatDoesNotRemainIsRepeatedOnly(t *testing.T) {
	shots, part := manyShots(2 * small)
	n := 0
	attempt := func(*flight) error {
		if n++; n == 1 {
			return fmt.Errorf("%w: queue of s0: 1", ErrLost)
		}
		return nil
	}
	a := Answer{Outcomes: make([]scenario.Outcome, len(shots))}
	if err := volleys(attempt, shots, part, &a); err != nil || n != 2 || len(a.Repeated) != 1 {
		t.Errorf("got error %v after %d volleys and the reasons %q, want none after 2", err, n, a.Repeated)
	}
}
