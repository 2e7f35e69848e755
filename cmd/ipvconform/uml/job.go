package uml

// JobFile is the file in a guest's folder that says what it is to do.
const JobFile = "job.json"

// Out is where the guest finds its folder.
const Out = "/mnt/out"

// Job is what a guest does: it mounts folders of the machine, read-only, and
// runs a program.
type Job struct {
	Folders map[string]string // by the place below /mnt: absolute path on the machine
	Words   []string          // the program and its arguments
}
