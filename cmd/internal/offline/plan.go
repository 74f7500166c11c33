// Package offline plans and takes the step of a store from online to air-gapped mode. The revisions that devices were given, and that the cache
// holds, become content of the catalogue, and devices get them from there on.
package offline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/cmd/internal/online"
	"offlinestore/edge"
	"offlinestore/edge/api"
	"offlinestore/exporter"
	"offlinestore/instance"
)

// The kinds of items.
const (
	KindSnap  = "snap"
	KindCharm = "charm"
)

// Item is a revision that devices, or Juju, were given for a channel.
type Item struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Base is the one for which Juju was given a charm: "ubuntu/22.04".
	Base         string `json:"base,omitempty"`
	Channel      string `json:"channel"`
	Architecture string `json:"architecture"`
	Revision     int    `json:"revision"`
	Version      string `json:"version"`
	// Size is the one of the snap, or of the charm without its resources, in bytes.
	Size int64 `json:"size"`
	// Override is set if an operator has put the revision into the channel.
	Override bool `json:"override,omitempty"`
	// Reason tells why the store can't keep it.
	Reason string `json:"reason,omitempty"`
}

// Plan tells what devices will still get in air-gapped mode.
type Plan struct {
	// Kept are the revisions that they will get, and Lost the ones that they were given and will not get any more.
	Kept []Item `json:"kept"`
	Lost []Item `json:"lost"`
}

// The reasons for losing a revision.
const (
	reasonGone       = "its file is not in the cache any more"
	reasonDamaged    = "its file in the cache is damaged"
	reasonPrivate    = "it is private: 'store-admin export snaps --store' brings it"
	reasonUnreadable = "the answer that was kept about it is damaged"
)

// workFolder is the folder in the data folder in which a step is prepared. It may be lost at any time.
const workFolder = ".going-offline"

// Step is the step of a store to air-gapped mode.
type Step struct {
	Plan Plan

	in       *instance.Instance
	store    *online.Store
	work     string
	exporter *exporter.Exporter
	plan     *exporter.Plan // nil if nothing is kept
	given    []given
	charms   []givenCharm
	// archives are the charms that the exporter may read.
	archives map[digest.Digest]bool
	// blobs has the addresses of the files in the cache, and held the ones of the catalogue's, by their SHA3-384 in hexadecimal digits.
	blobs, held map[string]digest.Digest
	// verified has the reasons against the files in the cache that were read.
	verified map[digest.Digest]string
}

// given is a release that devices were given, with the reason why it can't be kept, or empty.
type given struct {
	edge.Release
	about  api.Release
	pinned bool
	reason string
}

// Prepare plans the step. It changes nothing but the folder for its work. With icons, the plan is complete for Take.
func Prepare(ctx context.Context, in *instance.Instance, icons bool) (*Step, error) {
	s := &Step{in: in, archives: make(map[digest.Digest]bool), work: filepath.Join(string(in.Dir), workFolder), Plan: Plan{Kept: []Item{}, Lost: []Item{}}}
	if err := os.RemoveAll(s.work); err != nil { // the remains of a step that was killed
		return nil, err
	}
	var err error
	if s.store, err = online.Open(ctx, in, online.Options{ReadOnly: true}); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, icons); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close removes the folder of the work.
func (s *Step) Close() error {
	err := s.store.Close()
	if s.exporter != nil && s.exporter.Cache != nil {
		err = errors.Join(err, s.exporter.Cache.Close())
	}
	return errors.Join(err, os.RemoveAll(s.work))
}

func (s *Step) prepare(ctx context.Context, icons bool) error {
	if err := s.find(ctx); err != nil {
		return err
	}
	if slices.ContainsFunc(s.given, func(g given) bool { return g.reason == "" }) || len(s.store.Edge.GivenCharms()) > 0 {
		if err := s.newExporter(); err != nil {
			return err
		}
		if err := s.findCharms(ctx); err != nil {
			return err
		}
		if err := s.planAll(ctx, icons); err != nil {
			return err
		}
	}
	s.list()
	return nil
}

// list fills in the lists of the plan.
func (s *Step) list() {
	add := func(item Item) {
		if item.Reason == "" {
			s.Plan.Kept = append(s.Plan.Kept, item)
		} else {
			s.Plan.Lost = append(s.Plan.Lost, item)
		}
	}
	for _, g := range s.given {
		add(Item{Kind: KindSnap, Name: g.Name, Channel: g.Channel, Architecture: g.Architecture, Revision: g.Revision, Version: g.about.Version, Size: g.about.Size,
			Override: g.pinned, Reason: g.reason})
	}
	for _, g := range s.charms {
		add(Item{Kind: KindCharm, Name: g.Name, Base: g.Base, Channel: g.Channel, Architecture: g.Architecture, Revision: g.Revision, Version: g.about.Version,
			Size: g.about.Size, Reason: g.reason})
	}
}
