package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// amd64 returns the assembly for x86-64, and its declarations in Go.
func amd64() (assembly, stubs []byte, err error) {
	c := build.NewContext()
	c.ConstraintExpr("!purego")
	absorb4(c)
	absorb8(c)
	file, err := c.Result()
	if err != nil {
		return nil, nil, err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return nil, nil, err
	}
	cfg := printer.Config{Name: "keccakgen", Argv: []string{"keccakgen"}, Pkg: "keccak"}
	if assembly, err = printer.NewGoAsm(cfg).Print(file); err != nil {
		return nil, nil, err
	}
	stubs, err = printer.NewStubs(cfg).Print(file)
	return assembly, stubs, err
}
