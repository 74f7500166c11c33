//go:build linux || darwin

package main

import (
	"errors"
	"path/filepath"
)

// secondWeek carries the changes of a week, and takes them back.
func (g *tour) secondWeek(u *upstream) error {
	g.say("A week later. A receipt comes out: a small file, signed by the store inside, that tells the exporter what is there already.")
	if err := g.runTo(g.path("disk/ship-7.pem"), "snap-store-proxy", "audit", "key"); err != nil {
		return err
	}
	receipt := g.path("disk/ship-7.receipt")
	if err := g.run("snap-store-proxy", "receipt", "--output", receipt); err != nil {
		return err
	}
	for _, args := range [][]string{{"receiver", "add", "ship-7", "--key", g.path("disk/ship-7.pem")}, {"receiver", "update", "ship-7", receipt}} {
		if err := g.run("store-admin", args...); err != nil {
			return err
		}
	}
	g.say("jq 1.8 has reached stable meanwhile. The same export carries only what is new. A virus scanner wants to see each file as what it is,\nso this time the disk gets a folder.")
	for _, revision := range []int{8, 9} {
		if err := u.store.Release("jq", "", "stable", revision); err != nil {
			return err
		}
	}
	week := g.path("disk/week2")
	err := g.run("store-admin", "export", "snaps", "jq", "hello", "gnome-calculator", "--arch", "amd64", "--arch", "arm64", "--for", "ship-7",
		"--output-dir", week, "--layout", "files", "--cache-dir", g.path("outside/cache"), "--trusted-root", u.root)
	if err != nil {
		return err
	}
	snaps, err := filepath.Glob(filepath.Join(week, "snaps", "*.snap"))
	if err != nil {
		return err
	}
	if len(snaps) != 2 {
		return errors.New("the second week does not carry exactly the two new revisions of jq")
	}
	if err := g.run("store-admin", "verify", "--trusted-root", u.root, week); err != nil {
		return err
	}
	if err := g.run("snap-store-proxy", "push-snap", week); err != nil {
		return err
	}
	g.say("The new jq breaks a machine. One command takes the last import back; a newer bundle will move the channel again.")
	if err := g.run("snap-store-proxy", "rollback", "--yes"); err != nil {
		return err
	}
	return g.run("snap-store-proxy", "history", "jq")
}
