package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"ipvd/perf/measure"
	"ipvd/perf/traffic"
)

// stepRounds is how often the variants take turns for a line of the table.
const stepRounds = 9

// stepCosts prints what a step costs the floor, the reference and ipvd, by burst
// and by slaves that share it: what a row of ingress/… is made of. Where they differ
// at a burst of 1 is what a step costs; the rest grows with packets and slaves.
func (b *bench) stepCosts(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "slaves\tburst\tfloor\tC reference\tipvd\tbeyond C\tns a step\t")
	for _, slaves := range []int{1, 4, 16} {
		for _, burst := range []int{1, 4, 16, 32, 128, 256} {
			ns, err := b.stepCost(slaves, burst)
			if err != nil {
				return fmt.Errorf("%d slaves, burst %d: %w", slaves, burst, err)
			}
			fmt.Fprintf(w, "%d\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t\t\n", slaves, burst, ns[floor], ns[cReference], ns[ipvd], ns[ipvd]-ns[cReference])
		}
	}
	return w.Flush()
}

// stepCost gives the variants' costs of a step, in nanoseconds of CPU time.
func (b *bench) stepCost(slaves, burst int) (ns [3]float64, err error) {
	in, err := b.newIngress(traffic.Addrs4(ingressAddrs), slaves, burst)
	if err != nil {
		return ns, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	r, err := measure.Interleave(stepRounds, in.forward(), in.reference(), in.path.variant(b.turn))
	if err != nil {
		return ns, err
	}
	for v := range ns {
		ns[v] = r.Each(func(s []measure.Sample) float64 { return s[v].Cost() }).Median * float64(burst)
	}
	return ns, in.check()
}
