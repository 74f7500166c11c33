package main

import (
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	t.Parallel()
	const (
		pass   = `{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.5}` + "\n"
		ok     = `{"Action":"output","Package":"p","Output":"ok  \tp\t0.5s\n"}` + "\n" + `{"Action":"pass","Package":"p"}` + "\n"
		noise  = `{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}` + "\n"
		reason = `{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:1: no tool\n"}` + "\n"
		skip   = `{"Action":"skip","Package":"p","Test":"TestB"}` + "\n"
	)
	for _, c := range []struct {
		name, in  string
		out, fail string // substrings
		hidden    string
	}{
		{name: "passes", in: "go test\n" + noise + pass + ok, out: "go test\nok  \tp", hidden: "noise"},
		{name: "nothing ran", in: ok, fail: "no test ran"},
		{name: "empty", fail: "no test ran"},
		{name: "skipped", in: pass + reason + skip + ok, out: "no tool", fail: "p TestB"},
		{name: "skipped subtest", in: pass + strings.ReplaceAll(reason+skip, "TestB", "TestB/x") + ok, fail: "p TestB/x"},
		{name: "helper", in: pass + strings.ReplaceAll(reason, "no tool", "only run by TestC") + skip + ok, out: "1 passed, 0 failed, 0 skipped"},
		{name: "failed", in: noise + strings.ReplaceAll(pass, "pass", "fail"), out: "noise", fail: "p TestA"},
		{name: "panicked", in: pass + strings.ReplaceAll(noise, "TestA", "TestC") + `{"Action":"fail","Package":"p"}` + "\n", out: "unfinished: p TestC\nnoise", fail: "failed:\n  p"},
		{name: "doesn't build", in: pass + `{"ImportPath":"p [p.test]","Action":"build-output","Output":"x.go:1: bad\n"}` + "\n" + `{"Action":"fail","Package":"p"}`, out: "x.go:1: bad", fail: "failed:\n  p"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			s := newSummary(&out)
			if err := s.read(strings.NewReader(c.in)); err != nil {
				t.Fatalf("read: %v", err)
			}
			err := s.close()
			if (err != nil) != (c.fail != "") || err != nil && !strings.Contains(err.Error(), c.fail) {
				t.Errorf("close: %v, want an error with %q", err, c.fail)
			}
			if !strings.Contains(out.String(), c.out) {
				t.Errorf("printed %q, want %q in it", out.String(), c.out)
			}
			if c.hidden != "" && strings.Contains(out.String(), c.hidden) {
				t.Errorf("printed %q, want no %q in it", out.String(), c.hidden)
			}
		})
	}
}
