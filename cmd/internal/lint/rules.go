package main

// A pattern is a folder (`pmd/dpdk`), a folder and all below it (`cmd/...`) or
// the end of a file's name (`*_unsafe.go`).

// module is the path that our own imports begin with.
const module = "ipvd"

// topFolders are the folders that the repository's root may have, bin being
// what make builds. Folders whose name begins with a dot are not looked at.
var topFolders = []string{"pmd", "flows", "cmd", "perf", "deploy", "bin"}

// layer says which of our folders the packages of a folder may import.
type layer struct {
	from string
	to   []string
}

// layers are tried in this order; the first that matches a package counts.
// Imports go down only: programs, flows/ipvlan, flows, pmd.
// flows/wire and flows/route stand beside them all and import nothing of ours but
// flows/large.
var layers = []layer{
	{"pmd", nil},
	{"pmd/netns", nil},
	{"pmd/offload", []string{"pmd"}},
	{"pmd/peer/...", []string{"pmd", "pmd/netns", "pmd/offload", "pmd/pmdtest", "pmd/peer"}},
	{"pmd/memif", []string{"pmd", "pmd/peer", "pmd/peer/peertest"}},
	{"pmd/vhost/...", []string{"pmd", "pmd/peer", "pmd/peer/peertest", "pmd/vhost/vhosttest"}},
	{"pmd/dpdk/...", []string{"pmd", "pmd/netns", "pmd/offload", "pmd/dpdk/..."}},
	{"pmd/...", []string{"pmd", "pmd/netns", "pmd/offload"}},
	{"flows/wire", nil},
	{"flows/large", nil},
	{"flows", []string{"pmd", "flows/wire"}},
	{"flows/watch", []string{"pmd", "flows"}},
	{"flows/route", []string{"flows/large"}},
	{"flows/route/mirror", []string{"flows/route", "pmd/netns"}},
	{"flows/ipvlan", []string{"pmd", "flows", "flows/wire", "flows/route", "flows/large"}},
	{"flows/examples/...", []string{"pmd/...", "flows", "flows/wire", "flows/examples/..."}},
	{"cmd/...", []string{"cmd/...", "pmd/...", "flows/..."}},
	{"perf/...", []string{"perf/...", "pmd/...", "flows/..."}},
	{"deploy/...", nil},
}

// testImports are ours that a test of any layer may import.
var testImports = []string{"pmd/pmdtest"}

// confined is an import that only some folders or files may have.
type confined struct {
	path string
	in   []string // patterns where alone it may stand; nil: anywhere
	not  []string // patterns where it may not stand
}

var confinedImports = []confined{
	{path: "C", in: []string{"pmd/dpdk/..."}},
	{path: "unsafe", in: []string{"pmd/dpdk/...", "pmd/tap", "pmd/pmdtest", "*_unsafe.go", "*_unsafe_test.go"}},
	{path: "github.com/rs/zerolog", not: []string{"pmd/...", "flows/..."}},
	{path: "github.com/rs/zerolog/log", not: []string{"pmd/...", "flows/..."}},
}

// endsProcess are the calls that only package main and tests may make, by the
// import path they come from; a builtin's is empty.
var endsProcess = map[string][]string{
	"":    {"panic"},
	"os":  {"Exit"},
	"log": {"Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln"},
}

// emptyNames are package names that say nothing about what is in the package.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "engine"}

// maxLines is the longest that a Go file without tests may be.
const maxLines = 400
