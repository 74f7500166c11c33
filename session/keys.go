package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// Keys makes nonces and sessions, and knows them again.
type Keys struct {
	// sets begins with the keys of the secret that signs. The secrets of the others only verify.
	sets []keySet
}

// keySet holds the keys that come from one secret, each for one purpose.
type keySet struct{ nonce, request, session []byte }

// NewKeys returns the Keys of a store's secret. Nonces and sessions of the other secrets, which may be empty, are valid too.
func NewKeys(secret string, others ...string) *Keys {
	k := &Keys{sets: []keySet{derive(secret)}}
	for _, other := range others {
		if other != "" && other != secret {
			k.sets = append(k.sets, derive(other))
		}
	}
	return k
}

func derive(secret string) keySet {
	key := func(purpose string) []byte { return sum([]byte(secret), []byte("offlinestore device "+purpose)) }
	return keySet{nonce: key("nonce"), request: key("request-id"), session: key("session")}
}

func sum(key, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(data)
	return h.Sum(nil)
}

// The parts of a nonce, in bytes: a random number, the time in seconds and a proof of both.
const (
	nonceRandom = 16
	nonceDated  = nonceRandom + 8
	nonceLen    = nonceDated + 16
)

// Nonce is a nonce that came back in time.
type Nonce struct {
	// ID is different for each nonce.
	ID []byte
	// Expires is the time from which no server accepts the nonce.
	Expires time.Time
}

// NewNonce returns the text of a nonce.
func (k *Keys) NewNonce(now time.Time) string { return newNonce(k.sets[0].nonce, now) }

// Nonce returns the nonce with a text, or ErrForeign or ErrExpired. Another server may have made it, with a clock that differs a little.
func (k *Keys) Nonce(text string, now time.Time) (Nonce, error) {
	return k.openNonce(text, now, func(set keySet) []byte { return set.nonce })
}

// NewRequestID returns the text of a request-id, which is a nonce for requests for a serial. It is no nonce for sessions.
func (k *Keys) NewRequestID(now time.Time) string { return newNonce(k.sets[0].request, now) }

// RequestID returns the nonce in a request-id, or ErrForeign or ErrExpired. It returns an expired one, too: a device that was told to wait
// sends its request again for as long as the signing takes.
func (k *Keys) RequestID(text string, now time.Time) (Nonce, error) {
	return k.openNonce(text, now, func(set keySet) []byte { return set.request })
}

func newNonce(key []byte, now time.Time) string {
	b := make([]byte, nonceRandom, nonceLen)
	rand.Read(b) // never fails
	b = binary.BigEndian.AppendUint64(b, uint64(now.Unix()))
	b = append(b, sum(key, b)[:nonceLen-nonceDated]...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// openNonce returns the nonce with a text. An expired one comes with ErrExpired.
func (k *Keys) openNonce(text string, now time.Time, key func(keySet) []byte) (Nonce, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != nonceLen || base64.RawURLEncoding.EncodedLen(nonceLen) != len(text) {
		return Nonce{}, ErrForeign
	}
	for _, set := range k.sets {
		if !hmac.Equal(b[nonceDated:], sum(key(set), b[:nonceDated])[:nonceLen-nonceDated]) {
			continue
		}
		made := time.Unix(int64(binary.BigEndian.Uint64(b[nonceRandom:nonceDated])), 0)
		n := Nonce{ID: b[:nonceRandom], Expires: made.Add(NonceLife)}
		if now.Before(made.Add(-MaxSkew)) || !now.Before(n.Expires) {
			return n, ErrExpired
		}
		return n, nil
	}
	return Nonce{}, ErrForeign
}
