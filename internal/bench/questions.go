//go:build unix

package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"offlinestore/internal/upstreamtest"
)

// A store that is far away, and exports of many small items from it.
const (
	roundTrip    = 100 * time.Millisecond
	farSnaps     = 60
	farCharms    = 20       // each with a file and an image
	farBytes     = 64 << 10 // of each snap
	farQuestions = 10       // of the yardstick, one after the other: a second
)

// questions compares exports from a distant store with ten questions to it, one after the other.
func (b *bench) questions() error {
	o, err := b.newOutside("far", farSnaps*farBytes, farSnaps)
	if err != nil {
		return err
	}
	defer o.close()
	stop, err := o.addFarCharms()
	if err != nil {
		return err
	}
	defer stop()
	o.roundTrip.Store(int64(roundTrip))
	snaps := func(cache, dir string) error {
		_, err := o.exportWith(cache, dir, o.names...)
		return err
	}
	if err := o.compareFar(fmt.Sprintf("%d snaps", farSnaps), "snaps", [2]string{"<= 5.0", "<= 2.0"}, snaps); err != nil {
		return err
	}
	charms := func(cache, dir string) error {
		c := exec.CommandContext(b.ctx, filepath.Join(b.bin, "store-admin"), "export", "charms", b.path("far", "charms.yaml"),
			"--trusted-root", o.root, "--cache-dir", cache, "--export-dir", dir)
		c.Env = o.env
		_, err := b.execute(c)
		return err
	}
	return o.compareFar(fmt.Sprintf("%d charms with images", farCharms), "charms", [2]string{"<= 5.0", "<= 3.0"}, charms)
}

// compareFar compares an export with a cold cache, and one with a warm cache, with the questions of the yardstick.
func (o *outside) compareFar(what, kind string, goals [2]string, export func(cache, dir string) error) error {
	path := func(part string, round int) string { return o.b.path("far", fmt.Sprint(kind, part, round)) }
	for i, part := range []string{"cold", "warm"} {
		err := o.b.compare(comparison{
			name: fmt.Sprintf("export %s, %s, 10 questions", what, part), goal: goals[i],
			prepare: func(round int) error { return os.RemoveAll(path(part, round-1)) },
			ours: func(round int) error {
				cache := path("cache", round)
				if part == "warm" {
					cache = path("cache", o.b.rounds)
				}
				return export(cache, path(part, round))
			},
			theirs: o.ask,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ask asks the store, one question after the other.
func (o *outside) ask(int) error {
	for range farQuestions {
		resp, err := http.Get(o.url + "/v2/snaps/info/" + o.names[0])
		if err != nil {
			return err
		}
		resp.Body.Close()
	}
	return nil
}

// addFarCharms adds charms with a file and an image each, and writes the file to export. The images are in a registry as far away.
func (o *outside) addFarCharms() (stop func(), err error) {
	registry := upstreamtest.NewRegistry(upstreamtest.RegistryOptions{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: o.delayed(registry.Handler())}
	go srv.Serve(ln) // ends with Close
	var yaml strings.Builder
	yaml.WriteString("applications:\n")
	for i := range farCharms {
		name := fmt.Sprintf("far-c%02d", i)
		fmt.Fprintf(&yaml, "  %s:\n    charm: %[1]s\n", name)
		repository := "charm/" + name + "/image"
		d, err := registry.AddImage(repository, upstreamtest.Image{Seed: name})
		if err != nil {
			return nil, err
		}
		if err := addFarCharm(o.store, name, ln.Addr().String()+"/"+repository+"@"+d); err != nil {
			return nil, err
		}
	}
	return func() { srv.Close() }, os.WriteFile(o.b.path("far", "charms.yaml"), []byte(yaml.String()), 0o644)
}

func addFarCharm(s *upstreamtest.Store, name, image string) error {
	metadata := "name: " + name + "\nsummary: far\ndescription: far\nresources:\n  image:\n    type: oci-image\n  data:\n    type: file\n    filename: data.bin\n"
	return errors.Join(s.AddCharm(upstreamtest.Charm{Name: name}),
		s.AddCharmRevision(name, upstreamtest.CharmRev{Revision: 1, CharmFiles: upstreamtest.CharmFiles{Metadata: metadata}}),
		s.AddCharmResource(name, upstreamtest.CharmResource{Name: "image", Revision: 1, Image: &upstreamtest.ImageBlob{Ref: image}}),
		s.AddCharmResource(name, upstreamtest.CharmResource{Name: "data", Filename: "data.bin", Revision: 1, Blob: upstreamtest.Random(name, farBytes)}),
		s.ReleaseCharm(name, "stable", upstreamtest.Ubuntu("22.04", "amd64"), 1, map[string]int{"image": 1, "data": 1}))
}
