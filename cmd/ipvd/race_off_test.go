//go:build !race

package main

// raceFlag makes the daemon under test be built as the test is.
const raceFlag = "-race=false"
