package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/registration"
)

// registrationResult is the JSON of a registration.
type registrationResult struct {
	StoreID    string    `json:"store-id"`
	URL        string    `json:"url"`
	Domain     string    `json:"domain"`
	OperatorID string    `json:"operator-id"`
	IssuedAt   time.Time `json:"issued-at"`
	// Replaced is the ID of the previous store.
	Replaced string `json:"replaced,omitempty"`
	first    bool
}

// print prints the configuration that devices need.
func (r *registrationResult) print(w io.Writer) {
	fmt.Fprintf(w, "This store is %s at %s, registered by %s on %s.\n", r.StoreID, r.URL, cli.Clean(r.OperatorID), r.IssuedAt.UTC().Format(time.DateOnly))
	if r.first {
		fmt.Fprintln(os.Stderr, "Devices join it by:")
	} else {
		fmt.Fprintln(os.Stderr, "Devices that joined it before have to acknowledge the assertion again:")
	}
	fmt.Fprintf(os.Stderr, "    curl -s %s/v2/auth/store/assertions | sudo snap ack /dev/stdin\n", r.URL)
	if r.first || r.Replaced != "" {
		fmt.Fprintf(os.Stderr, "    sudo snap set system proxy.store=%s\n", r.StoreID)
	}
}

// register makes the store in dir the one that a claim names.
func register(dir *instance.Dir, c *registration.Claim) (*registrationResult, error) {
	r, err := dir.Register(c)
	if err != nil {
		return nil, err
	}
	return &registrationResult{StoreID: r.StoreID, URL: r.URL, Domain: r.Domain, OperatorID: r.OperatorID, IssuedAt: r.IssuedAt, Replaced: r.Replaced, first: r.First}, nil
}
