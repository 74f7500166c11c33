//go:build unix

package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// rateConnections is the number of devices that ask at once when rates are compared.
const rateConnections = 16

// compareRates compares the rates of refresh of a large catalogue and of a small one: of devices with the same ten snaps, and of devices with
// snaps by their popularity.
func (s *serving) compareRates() error {
	data := s.b.path("small", "data")
	if err := os.MkdirAll(filepath.Dir(data), 0o755); err != nil {
		return err
	}
	if err := s.b.fillLarge(data, newLargeCatalogue(smallSnaps)); err != nil {
		return err
	}
	small, _, err := s.b.startLarge(data)
	if err != nil {
		return err
	}
	defer stopProcess(small.process)
	for _, row := range []struct {
		name, goal string
		requests   func(snaps int, address string) [][]byte
	}{{"  refresh of the same snaps, of 1000", ">= 0.9", sameSnaps}, {"  refresh of snaps by popularity, of 1000", "", popularSnaps}} {
		var ratios, ours, theirs []float64
		for range s.b.rounds {
			t, err := small.rate(row.requests(smallSnaps, small.address()))
			if err != nil {
				return err
			}
			o, err := s.rate(row.requests(largeSnaps, s.address()))
			if err != nil {
				return err
			}
			ratios, ours, theirs = append(ratios, o/t), append(ours, o), append(theirs, t)
		}
		fmt.Printf("%-42s %8.0f/s %8.0f/s %7.2f %7s\n", row.name, median(ours), median(theirs), median(ratios), row.goal)
	}
	return nil
}

func (s *serving) address() string { return strings.TrimPrefix(s.url, "http://") }

func sameSnaps(_ int, address string) [][]byte {
	var ids []string
	for i := range installedSnaps {
		ids = append(ids, largeID(i*97))
	}
	return [][]byte{postRequest(address, refreshBody(ids))}
}

// popularSnaps returns the requests of many devices. The n-th snap is on one device for n devices of the first.
func popularSnaps(snaps int, address string) (requests [][]byte) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		var ids []string
		for range installedSnaps {
			ids = append(ids, largeID(int(math.Pow(float64(snaps), r.Float64()))-1))
		}
		requests = append(requests, postRequest(address, refreshBody(ids)))
	}
	return requests
}

// rate returns the requests that are answered in a second.
func (s *serving) rate(requests [][]byte) (float64, error) {
	a := &asker{address: s.address(), requests: requests, span: 4 * time.Second}
	conns, err := a.open(rateConnections)
	if err != nil {
		return 0, err
	}
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	times, err := a.all(conns)
	return float64(len(times)) / a.span.Seconds(), err
}

// measurePush compares the times of answers while a transaction changes many snaps with the times before.
func (s *serving) measurePush() error {
	const changed = 10_000
	a := &asker{address: s.address(), requests: sameSnaps(0, s.address()), span: 6 * time.Second}
	conns, err := a.open(rateConnections / 4)
	if err != nil {
		return err
	}
	quiet, err := a.all(conns)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- s.change(changed) }()
	busy, err := a.all(conns)
	if err != nil {
		return err
	}
	if err := <-done; err != nil {
		return err
	}
	q, p := quiet[len(quiet)*99/100].Seconds()*1000, busy[len(busy)*99/100].Seconds()*1000
	fmt.Printf("%-42s %8.2fms %8.2fms %7.2f %7s\n", fmt.Sprintf("  99 of 100 while %d snaps change", changed), p, q, p/q, "<= 3")
	return nil
}
