package main

import (
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

// changeRegistry WHAT makes the registry of the charms' images fail, or counts what it was asked.
func changeRegistry(ts *testscript.TestScript, neg bool, args []string) {
	r := storeOf(ts).registry
	switch args[0] {
	case "expire":
		r.Expire()
	case "requests": // N PREFIX
		if got := strconv.Itoa(r.Count(args[2])); got != args[1] {
			ts.Fatalf("%s requests for %s, want %s", got, args[2], args[1])
		}
	default:
		ts.Fatalf("unknown change %s", args[0])
	}
}
