package catalog_test

import (
	"fmt"
	"testing"

	"offlinestore/catalog"
)

// large returns an import of that many snaps, each with two revisions, three rows and two assertions.
func large(snaps int) *catalog.Import {
	in := imp("large", 0)
	for i := range snaps {
		name := fmt.Sprintf("snap-%05d", i)
		with(in, name, []int{1, 2}, "latest/stable/amd64=1", "latest/stable/arm64=1", "latest/edge/amd64=2")
		for n := range 2 {
			in.Assertions = append(in.Assertions, catalog.Assertion{Type: "snap-revision", PrimaryKey: []string{fmt.Sprint(name, n), "global-upload"}, Raw: make([]byte, 1500)})
		}
	}
	return in
}

// largeOfCharms returns an import of that many charms, each with two revisions, three rows, a file, and an image of five layers.
func largeOfCharms(charms int) *catalog.Import {
	in := imp("large", 0)
	for i := range charms {
		name := fmt.Sprintf("charm-%05d", i)
		withCharm(in, name, []int{1, 2}, "latest/stable"+jammy+"=1,file:1,image:1", "latest/stable@ubuntu 22.04 arm64=1", "latest/edge"+jammy+"=2")
		withImage(withFile(in, name, "file", 1), name, "image", 1, "charm/"+name)
		withManifest(in, name, name+"1", name+"2", name+"3", name+"4", name+"5")
	}
	return in
}

func BenchmarkApplyCharms(b *testing.B) {
	in := largeOfCharms(10_000)
	for b.Loop() {
		s, _ := open(b)
		apply(b, s, in)
	}
}

func BenchmarkApplyCharmsAgain(b *testing.B) {
	s, _ := open(b)
	in := largeOfCharms(10_000)
	apply(b, s, in)
	for b.Loop() {
		apply(b, s, in)
	}
}

func BenchmarkLoadCharms(b *testing.B) {
	s, _ := open(b)
	apply(b, s, largeOfCharms(10_000))
	for b.Loop() {
		load(b, s)
	}
}

func BenchmarkApply(b *testing.B) {
	in := large(10_000)
	for b.Loop() {
		s, _ := open(b)
		apply(b, s, in)
	}
}

// BenchmarkApplyAgain measures the push of a bundle that was imported already, which changes nothing.
func BenchmarkApplyAgain(b *testing.B) {
	s, _ := open(b)
	in := large(10_000)
	apply(b, s, in)
	for b.Loop() {
		apply(b, s, in)
	}
}

func BenchmarkLoadSnapshot(b *testing.B) {
	s, _ := open(b)
	apply(b, s, large(10_000))
	for b.Loop() {
		load(b, s)
	}
}

// BenchmarkTrail adds a row in a transaction of its own. Most of it is the commit.
func BenchmarkTrail(b *testing.B) {
	db, _ := open(b)
	n := 0
	for b.Loop() {
		n++
		if err := db.Trail().Add(b.Context(), event(fmt.Sprint(n), "proxy.domain")); err != nil {
			b.Fatal(err)
		}
	}
}
