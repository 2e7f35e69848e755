package ipvlan

// Balance shares the slaves of all masters out among the workers, so that none
// polls two more than another, and moves as few as that takes: those that came
// last. It sets Turn of slaves, for graphs that are built afterwards; a slave
// that moves makes the workers pause at the swap (flows.System.Swap). New slaves
// go to the last worker first: host ports, and wires with few queues, are with
// the first.
func Balance(masters []*Master, workers int) {
	loads := make([][]*Slave, workers)
	for _, m := range masters {
		for _, s := range m.Slaves {
			s.Turn %= workers
			loads[s.Turn] = append(loads[s.Turn], s)
		}
	}
	for {
		least, most := workers-1, workers-1
		for w := workers - 1; w >= 0; w-- {
			if len(loads[w]) < len(loads[least]) {
				least = w
			}
			if len(loads[w]) > len(loads[most]) {
				most = w
			}
		}
		last := len(loads[most]) - 1
		if last <= len(loads[least]) {
			return
		}
		s := loads[most][last]
		s.Turn = least
		loads[most], loads[least] = loads[most][:last], append(loads[least], s)
	}
}
