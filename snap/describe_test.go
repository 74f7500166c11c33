package snap_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/snap"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	const text = `name: app
title: An App
version: 1.10
summary: it runs
description: |
  It runs.
base: core24
confinement: classic
architectures: [amd64, arm64]
license: MIT
contact: [mailto:a@b.example, other]
website: https://b.example
epoch: 2*
apps: {z: {command: z, common-id: org.z}, a: {command: a, common-id: org.a}, b: {command: b}}
`
	text2 := func(s string) *string { return &s }
	got, err := snap.Describe(text)
	if err != nil {
		t.Fatal(err)
	}
	want := &snap.Snap{Name: "app", Details: snap.Details{
		Title: "An App", Summary: "it runs", Description: "It runs.\n", License: text2("MIT"), Contact: text2("mailto:a@b.example"), Website: text2("https://b.example"),
		Media: []snap.Media{}, Prices: map[string]string{},
	}, Revision: snap.Revision{
		Architectures: []string{"amd64", "arm64"}, Base: text2("core24"), CommonIDs: []string{"org.a", "org.z"}, Confinement: "classic",
		Epoch: snap.Epoch{Read: []uint32{1, 2}, Write: []uint32{2}}, SnapYAML: text, Type: "app", Version: "1.10",
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("description (-want +got):\n%s", d)
	}
	for text, want := range map[string]snap.Epoch{
		"":                                   {Read: []uint32{0}, Write: []uint32{0}},
		"epoch: 3":                           {Read: []uint32{3}, Write: []uint32{3}},
		"epoch: {read: [1, 2], write: [2]}":  {Read: []uint32{1, 2}, Write: []uint32{2}},
		"epoch: {read: [4]}":                 {Read: []uint32{4}, Write: []uint32{4}},
		"epoch:\n  write: [5]\nversion: '1'": {Read: []uint32{5}, Write: []uint32{5}},
	} {
		got, err := snap.Describe("name: app\n" + text)
		if err != nil || !cmp.Equal(got.Epoch, want) || got.Confinement != "strict" || got.Title != "app" || got.Base != nil {
			t.Errorf("%q: got %+v, %v; want epoch %v", text, got, err, want)
		}
	}
	for _, text := range []string{"epoch: 0*", "epoch: x", "epoch: {read: x}", "confinement: none", "name: Bad", "summary: {a: b}", "title: " + strings.Repeat("x", snap.MaxYAMLSize)} {
		if got, err := snap.Describe("name: app\n" + text); err == nil {
			t.Errorf("%.40q: got %+v, want an error", text, got)
		}
	}
}

func TestParseComponentYAML(t *testing.T) {
	t.Parallel()
	got, err := snap.ParseComponentYAML("component: app+docs\ntype: standard\nversion: '3'\nsummary: s\ndescription: d\nprovenance: prov\n")
	want := &snap.Component{Snap: "app", Provenance: "prov", Resource: snap.Resource{Name: "docs", Type: "component/standard", Version: "3", Description: "d"}}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	for _, text := range []string{"", "component: app", "component: app+Docs\ntype: standard", "component: app+docs", "component: app+docs\ntype: a/b", "component: [a]"} {
		if got, err := snap.ParseComponentYAML(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		}
	}
}
