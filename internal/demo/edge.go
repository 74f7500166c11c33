//go:build linux || darwin

package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"time"

	"offlinestore/internal/snapddriver"
)

// edge tells of a store that is online: a device installs by way of it, the line upstream is cut, and the store goes offline.
func (g *tour) edge(u *upstream) error {
	g.say("Another host, in a DMZ: a store that is online stands between devices and the Snap Store, and keeps what they download.")
	dmz := *g
	dmz.data = g.path("dmz/data")
	line, err := u.serve("127.0.0.1:0", u.store.Handler())
	if err != nil {
		return err
	}
	cut := u.servers[len(u.servers)-1].Close
	for _, args := range [][]string{{"config", "proxy.upstream=http://" + line, "proxy.charmhub.upstream=http://" + line}, {"trust", "root", "add", u.root}} {
		if err := dmz.run("snap-store-proxy", args...); err != nil {
			return err
		}
	}
	urls, stop, err := dmz.serve()
	if err != nil {
		return err
	}
	defer stop()
	g.say("A device installs hello by way of it. Then the line upstream is cut, and the next device gets the same.")
	client, err := snapddriver.Binary(g.ctx)
	if err != nil {
		return fmt.Errorf("build the snapd client: %w", err)
	}
	for range 2 {
		fmt.Printf("\n$ snapdclient install --store %s hello\n", urls[0])
		out, err := g.command(client, "install", "--store", urls[0], "--root", u.root, "--dir", g.path("device"), "hello").Output()
		if err != nil {
			return fmt.Errorf("the snapd client: %w", err)
		}
		showClient(out)
		if err := cut(); err != nil {
			return err
		}
	}
	if err := dmz.awaitRecord("hello"); err != nil {
		return err
	}
	g.say("What would devices still get, if this store went offline now?")
	return dmz.run("snap-store-proxy", "enable-airgap-mode", "--plan")
}

// awaitRecord waits until the store has recorded that devices were given a snap, which takes up to ten seconds.
func (g *tour) awaitRecord(name string) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		out, err := g.command(filepath.Join(g.bin, "snap-store-proxy"), "--data-dir", g.data, "enable-airgap-mode", "--plan", "--json").Output()
		if err != nil {
			return fmt.Errorf("plan going offline: %w", err)
		}
		if bytes.Contains(out, []byte(`"`+name+`"`)) {
			return nil
		}
	}
	return fmt.Errorf("the store has not recorded within a minute that a device was given %s", name)
}
