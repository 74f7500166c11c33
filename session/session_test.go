package session_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"offlinestore/session"
)

func monday() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }

// TestNonces uses nonces of several servers whose clocks differ.
func TestNonces(t *testing.T) {
	t.Parallel()
	k, rotated, other := session.NewKeys("a"), session.NewKeys("b", "a"), session.NewKeys("b")
	text := k.NewNonce(monday())
	for _, tt := range []struct {
		keys  *session.Keys
		after time.Duration
		want  error
	}{
		{k, 0, nil}, {k, session.NonceLife - time.Second, nil}, {k, session.NonceLife, session.ErrExpired},
		{k, -session.MaxSkew, nil}, {k, -session.MaxSkew - time.Second, session.ErrExpired},
		{rotated, 0, nil}, {rotated, time.Hour, session.ErrExpired}, {other, 0, session.ErrForeign},
	} {
		n, err := tt.keys.Nonce(text, monday().Add(tt.after))
		if !errors.Is(err, tt.want) {
			t.Errorf("after %v: %v, want %v", tt.after, err, tt.want)
		}
		if err == nil && (len(n.ID) != 16 || !n.Expires.Equal(monday().Add(session.NonceLife))) {
			t.Errorf("after %v: nonce %+v", tt.after, n)
		}
	}
	for i := range text {
		for _, bad := range []string{text[:i], text[:i] + "A" + text[i:], text[:i] + string(text[i]^1) + text[i+1:]} {
			if _, err := k.Nonce(bad, monday()); !errors.Is(err, session.ErrForeign) {
				t.Errorf("Nonce(%q) = %v, want ErrForeign", bad, err)
			}
		}
	}
}

// TestRequestIDs checks that request-ids and nonces are different things, and that an expired request-id can still be told apart.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	k := session.NewKeys("a")
	text := k.NewRequestID(monday())
	if _, err := k.Nonce(text, monday()); !errors.Is(err, session.ErrForeign) {
		t.Errorf("a request-id as a nonce: %v, want ErrForeign", err)
	}
	if _, err := k.RequestID(k.NewNonce(monday()), monday()); !errors.Is(err, session.ErrForeign) {
		t.Errorf("a nonce as a request-id: %v, want ErrForeign", err)
	}
	if _, err := session.NewKeys("b").RequestID(text, monday()); !errors.Is(err, session.ErrForeign) {
		t.Errorf("the request-id of another store: %v, want ErrForeign", err)
	}
	fresh, err := k.RequestID(text, monday())
	if err != nil || len(fresh.ID) != 16 {
		t.Errorf("RequestID = %+v, %v", fresh, err)
	}
	late, err := session.NewKeys("b", "a").RequestID(text, monday().Add(time.Hour))
	if !errors.Is(err, session.ErrExpired) || string(late.ID) != string(fresh.ID) {
		t.Errorf("RequestID after an hour = %+v, %v, want the same ID and ErrExpired", late, err)
	}
}

// TestSessionsAreExact flips every bit of a session, cuts it off, and adds to it.
func TestSessionsAreExact(t *testing.T) {
	t.Parallel()
	k := session.NewKeys("a")
	device := session.Device{Brand: "acme", Model: "pump", Serial: "00 01\r", Store: "s"}
	for _, d := range []session.Device{device, {Brand: "acme", Model: "pump", Serial: "1"}, {}} {
		text, err := k.New(d, monday())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := k.Open(text, monday()); got != d || err != nil {
			t.Errorf("Open = %+v, %v, want %+v", got, err, d)
		}
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 8 * len(raw) {
			bad := []byte(string(raw))
			bad[i/8] ^= 1 << (i % 8)
			if got, err := k.Open(base64.RawURLEncoding.EncodeToString(bad), monday()); err == nil {
				t.Errorf("with bit %d flipped: %+v, want an error", i, got)
			}
		}
		for i := range text {
			for _, bad := range []string{text[:i], text[i+1:], text + text[:i+1], text[:i] + "=" + text[i:], text[:i] + "\n" + text[i:]} {
				if got, err := k.Open(bad, monday()); err == nil {
					t.Errorf("Open(%q) = %+v, want an error", bad, got)
				}
			}
		}
	}
	ahead, err := k.New(device, monday().Add(365*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Open(ahead, monday()); !errors.Is(err, session.ErrExpired) {
		t.Errorf("Open of a session by a server whose clock is a year ahead = %v, want ErrExpired", err)
	}
	long, err := k.New(session.Device{Brand: strings.Repeat("b", 3<<10), Model: "m", Serial: "s"}, monday())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Open(long, monday()); !errors.Is(err, session.ErrForeign) {
		t.Errorf("Open of a session of %d bytes = %v, want ErrForeign", len(long), err)
	}
}
