package session

import (
	"strings"
	"time"
)

// MaxTokenLife bounds the life of a token. Nothing but its end, or another secret, takes it back.
const MaxTokenLife = 366 * 24 * time.Hour

// caveatImages begins a token, which is no session.
const caveatImages = "images"

// NewToken returns the text of a macaroon that shows a store as its devices see it. It serves tools that build images and have no device.
func (k *Keys) NewToken(store string, until time.Time) (string, error) {
	return k.sign(caveatImages, caveatStore+store, untilCaveat(until))
}

// OpenToken returns the store of a token, or ErrForeign or ErrExpired.
func (k *Keys) OpenToken(text string, now time.Time) (store string, err error) {
	conditions, err := k.verify(text)
	if err != nil {
		return "", err
	}
	if len(conditions) != 3 || conditions[0] != caveatImages {
		return "", ErrForeign
	}
	store, ok := strings.CutPrefix(conditions[1], caveatStore)
	if !ok || store == "" {
		return "", ErrForeign
	}
	return store, checkEnd(conditions[2], now, MaxTokenLife)
}
