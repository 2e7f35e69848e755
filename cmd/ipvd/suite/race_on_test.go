//go:build race

package suite

// raceFlag makes the daemon under test be built as the test is.
const raceFlag = "-race=true"
