package session

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"time"

	"gopkg.in/macaroon.v2"
)

// The caveats of a session, in this order. A session of no device has only the last one.
const (
	caveatDevice = "device " // brand, model and serial, which contain no slash
	caveatStore  = "store "
	caveatUntil  = "until "
)

// The bounds of a macaroon's text, and of the parts of a device in it, in bytes. A server's bound on headers is larger.
const (
	maxMacaroon = 4 << 10
	maxDevice   = 2 << 10
)

// location names the maker of macaroons. It proves nothing.
const location = "offlinestore"

// New returns the text of a macaroon that is the session of a device. It expires after Life, or after GlobalLife if the device is not
// proven.
func (k *Keys) New(d Device, now time.Time) (string, error) { return k.sign(caveats(d, now)...) }

// sign returns the text of a macaroon with caveats.
func (k *Keys) sign(caveats ...string) (string, error) {
	id := make([]byte, nonceRandom)
	rand.Read(id) // never fails
	m, err := macaroon.New(k.sets[0].session, id, location, macaroon.V2)
	if err != nil {
		return "", err
	}
	for _, c := range caveats {
		if err := m.AddFirstPartyCaveat([]byte(c)); err != nil {
			return "", err
		}
	}
	return encode(m)
}

func encode(m *macaroon.Macaroon) (string, error) {
	b, err := m.MarshalBinary()
	return base64.RawURLEncoding.EncodeToString(b), err
}

func caveats(d Device, now time.Time) []string {
	if !d.IsProven() {
		return []string{untilCaveat(now.Add(GlobalLife))}
	}
	return []string{caveatDevice + d.Brand + "/" + d.Model + "/" + d.Serial, caveatStore + d.Store, untilCaveat(now.Add(Life))}
}

func untilCaveat(t time.Time) string { return caveatUntil + t.UTC().Format(time.RFC3339) }

// Open returns the device of a session, or ErrForeign or ErrExpired. It accepts the caveats of New only: a holder of a session has no
// reason to add others.
func (k *Keys) Open(text string, now time.Time) (Device, error) {
	conditions, err := k.verify(text)
	if err != nil {
		return Device{}, err
	}
	var d Device
	if len(conditions) == 3 {
		device, ok1 := strings.CutPrefix(conditions[0], caveatDevice)
		store, ok2 := strings.CutPrefix(conditions[1], caveatStore)
		parts := strings.Split(device, "/")
		if !ok1 || !ok2 || len(parts) != 3 || parts[0] == "" {
			return Device{}, ErrForeign
		}
		d = Device{Brand: parts[0], Model: parts[1], Serial: parts[2], Store: store}
	} else if len(conditions) != 1 {
		return Device{}, ErrForeign
	}
	if err := checkEnd(conditions[len(conditions)-1], now, Life); err != nil {
		return Device{}, err
	}
	return d, nil
}

// checkEnd returns ErrExpired if the time of a caveat is over, and ErrForeign if it has none. A server whose clock was ahead makes macaroons that
// would be valid for too long: they count as expired.
func checkEnd(caveat string, now time.Time, life time.Duration) error {
	end, ok := strings.CutPrefix(caveat, caveatUntil)
	t, err := time.Parse(time.RFC3339, end)
	if !ok || err != nil {
		return ErrForeign
	}
	if !now.Before(t) || t.After(now.Add(life+MaxSkew)) {
		return ErrExpired
	}
	return nil
}

// verify returns the caveats of a macaroon with a good signature.
func (k *Keys) verify(text string) ([]string, error) {
	if len(text) > maxMacaroon {
		return nil, ErrForeign
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, ErrForeign
	}
	var m macaroon.Macaroon
	if err := m.UnmarshalBinary(b); err != nil {
		return nil, ErrForeign
	}
	// The decoders ignore line ends in the text and data after the macaroon, and read other encodings of it. The location is not signed.
	if again, err := encode(&m); err != nil || again != text || m.Location() != location {
		return nil, ErrForeign
	}
	for _, set := range k.sets {
		if conditions, err := m.VerifySignature(set.session, nil); err == nil {
			return conditions, nil
		}
	}
	return nil, ErrForeign
}
