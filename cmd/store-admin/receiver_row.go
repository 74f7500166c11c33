package main

import (
	"fmt"
	"time"

	"offlinestore/audit"
	"offlinestore/receipt"
	"offlinestore/receiver"
)

// receiverRow describes a receiver.
type receiverRow struct {
	Name  string `json:"name"`
	Added string `json:"added"`
	Key   string `json:"key,omitempty"`
	// Bundles counts the bundles that were made for it, and Blobs the blobs in them.
	Bundles int          `json:"bundles"`
	Blobs   int          `json:"blobs"`
	Last    *deliveryRow `json:"last,omitempty"`
	// Receipt is the last receipt.
	Receipt *receiptRow   `json:"receipt,omitempty"`
	All     []deliveryRow `json:"deliveries,omitempty"`
}

// receiptRow describes a receipt.
type receiptRow struct {
	Store    string    `json:"store"`
	Created  time.Time `json:"created"`
	Blobs    int       `json:"blobs"`
	Channels int       `json:"channels"`
}

func newReceiptRow(r *receipt.Receipt) *receiptRow {
	if r == nil {
		return nil
	}
	return &receiptRow{r.Store, r.Created, r.Blobs.Len(), len(r.Channels)}
}

// deliveryRow describes a bundle for a receiver.
type deliveryRow struct {
	File     string    `json:"file"`
	Created  time.Time `json:"created"`
	Sequence uint64    `json:"sequence"`
	Digest   string    `json:"digest"`
	Blobs    int       `json:"blobs"`
}

func newReceiverRow(d *receiver.Directory, name string) (*receiverRow, error) {
	r, err := d.Receiver(name)
	if err != nil {
		return nil, err
	}
	list, err := r.Deliveries()
	if err != nil {
		return nil, err
	}
	row := &receiverRow{Name: name, Added: r.Added.Format(time.RFC3339), Bundles: len(list)}
	if r.Key != "" {
		key, err := audit.ParsePublicKey([]byte(r.Key))
		if err != nil {
			return nil, fmt.Errorf("the key of receiver %s: %w", name, err)
		}
		row.Key = key.ID()
	}
	last, _, err := r.Receipt()
	if err != nil {
		return nil, err
	}
	row.Receipt = newReceiptRow(last)
	seen := make(map[string]bool)
	for _, v := range list {
		row.All = append(row.All, deliveryRow{v.File, v.Created, v.Sequence, v.Bundle.String(), len(v.Blobs)})
		for _, b := range v.Blobs {
			seen[b.String()] = true
		}
	}
	row.Blobs = len(seen)
	if n := len(row.All); n > 0 {
		row.Last = &row.All[n-1]
	}
	return row, nil
}
