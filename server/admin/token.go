package admin

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gopkg.in/macaroon.v2"
)

const (
	// loginLife is the life of a login, refreshed or not; accessLife is the life of a discharge in between.
	loginLife  = 30 * 24 * time.Hour
	accessLife = time.Hour
	// maxMacaroon bounds the text of a macaroon, in bytes.
	maxMacaroon = 8 << 10
	maxCaveats  = 16
)

// The first-party caveats. The holder of a macaroon may add more of them that end it sooner. Other caveats are refused.
const (
	caveatExpires = "store-admin|expires|"
	caveatSession = "store-admin|session|"
	caveatSerial  = "store-admin|serial|"
	// ownCaveats is the number of caveats that the store itself puts into a discharge.
	ownCaveats = 3
)

var (
	errForged   = errors.New("the macaroon is not by this store, or was altered")
	errExpired  = errors.New("the macaroon has expired")
	errNarrowed = errors.New("a macaroon with caveats that were added to it can't be refreshed")
)

// keys are the keys of the macaroons, each for one purpose.
type keys struct{ root, discharge, caveat, pass []byte }

func deriveKeys(secret string) keys {
	derive := func(purpose string) []byte { return sum([]byte(secret), []byte("offlinestore admin "+purpose)) }
	return keys{derive("root"), derive("discharge"), derive("caveat"), derive("pass")}
}

func sum(key, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(data)
	return h.Sum(nil)
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

// ticket returns an ID that only this store can make: random bytes, the time when it expires, and a proof of both. The store does
// not record it.
func (k keys) ticket(purpose string, until time.Time) []byte {
	b := binary.BigEndian.AppendUint64(random(16), uint64(until.Unix()))
	b = append(b, sum(k.caveat, append([]byte(purpose), b...))[:16]...)
	return base64.RawURLEncoding.AppendEncode(nil, b)
}

func (k keys) verifyTicket(purpose string, id []byte, now time.Time) (until time.Time, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(string(id))
	if err != nil || len(b) != 40 || !hmac.Equal(b[24:], sum(k.caveat, append([]byte(purpose), b[:24]...))[:16]) {
		return time.Time{}, errForged
	}
	until = time.Unix(int64(binary.BigEndian.Uint64(b[16:24])), 0)
	if !now.Before(until) {
		return time.Time{}, errExpired
	}
	return until, nil
}

const (
	forRoot      = "root"
	forDischarge = "discharge"
)

// newRoot makes a macaroon that is useless without a discharge of its caveat.
func (k keys) newRoot(location string, now time.Time) (*macaroon.Macaroon, error) {
	until := now.Add(loginLife)
	id := k.ticket(forRoot, until)
	m, err := macaroon.New(sum(k.root, id), id, location, macaroon.V1)
	if err != nil {
		return nil, err
	}
	if err := m.AddFirstPartyCaveat(expires(until)); err != nil {
		return nil, err
	}
	caveat := k.ticket(forDischarge, until)
	return m, m.AddThirdPartyCaveat(sum(k.discharge, caveat), caveat, location)
}

// newDischarge discharges a caveat for a session.
func (k keys) newDischarge(caveat []byte, location, session string, serial int, until time.Time) (*macaroon.Macaroon, error) {
	m, err := macaroon.New(sum(k.discharge, caveat), caveat, location, macaroon.V1)
	if err != nil {
		return nil, err
	}
	for _, c := range [][]byte{[]byte(caveatSession + session), []byte(caveatSerial + strconv.Itoa(serial)), expires(until)} {
		if err := m.AddFirstPartyCaveat(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func expires(t time.Time) []byte { return []byte(caveatExpires + t.UTC().Format(time.RFC3339)) }

// grant is the content of a discharge.
type grant struct {
	session string
	serial  int
}

// verifyLogin returns the content of a root's discharge. If the error is errExpired, the signatures are good too.
func (k keys) verifyLogin(root, discharge *macaroon.Macaroon, now time.Time) (grant, error) {
	if _, err := k.verifyTicket(forRoot, root.Id(), now); err != nil {
		return grant{}, err
	}
	conditions, err := root.VerifySignature(sum(k.root, root.Id()), []*macaroon.Macaroon{discharge})
	if err != nil {
		return grant{}, errForged
	}
	g, err := grantOf(discharge)
	if err != nil {
		return grant{}, err
	}
	return g, verifyTimes(conditions, now)
}

// verifyDischarge verifies a discharge alone, without a root, before a refresh. The discharge may have expired. A discharge that
// its holder has narrowed is refused: a fresh one would be worth more.
func (k keys) verifyDischarge(m *macaroon.Macaroon, now time.Time) (grant, error) {
	if _, err := k.verifyTicket(forDischarge, m.Id(), now); err != nil {
		return grant{}, err
	}
	conditions, err := m.VerifySignature(sum(k.discharge, m.Id()), nil)
	if err != nil {
		return grant{}, errForged
	}
	if err := verifyTimes(conditions, now); err != nil && !errors.Is(err, errExpired) {
		return grant{}, err
	}
	if len(conditions) > ownCaveats {
		return grant{}, errNarrowed
	}
	return grantOf(m)
}

// grantOf reads the caveats that the store itself put first. The holder of a macaroon can add caveats after them.
func grantOf(m *macaroon.Macaroon) (grant, error) {
	c := m.Caveats()
	if len(c) < ownCaveats {
		return grant{}, errForged
	}
	session, ok1 := strings.CutPrefix(string(c[0].Id), caveatSession)
	number, ok2 := strings.CutPrefix(string(c[1].Id), caveatSerial)
	serial, err := strconv.Atoi(number)
	if !ok1 || !ok2 || err != nil {
		return grant{}, errForged
	}
	for _, more := range c[2:] {
		if !bytes.HasPrefix(more.Id, []byte(caveatExpires)) {
			return grant{}, errForged
		}
	}
	return grant{session, serial}, nil
}

// verifyTimes refuses unknown conditions and conditions that no longer hold.
func verifyTimes(conditions []string, now time.Time) error {
	var expired error
	for _, c := range conditions {
		until, ok := strings.CutPrefix(c, caveatExpires)
		if !ok {
			if strings.HasPrefix(c, caveatSession) || strings.HasPrefix(c, caveatSerial) {
				continue
			}
			return fmt.Errorf("the macaroon has a caveat that this store does not know: %.60q", c)
		}
		t, err := time.Parse(time.RFC3339, until)
		if err != nil {
			return errForged
		}
		if !now.Before(t) {
			expired = errExpired
		}
	}
	return expired
}

// encode returns the text of a macaroon, for headers and answers.
func encode(m *macaroon.Macaroon) (string, error) {
	b, err := m.MarshalBinary()
	return base64.RawURLEncoding.EncodeToString(b), err
}

// decode parses a macaroon in any of the alphabets that clients use.
func decode(text string) (*macaroon.Macaroon, error) {
	if text == "" || len(text) > maxMacaroon {
		return nil, errForged
	}
	b, err := macaroon.Base64Decode([]byte(text))
	if err != nil {
		return nil, errForged
	}
	var m macaroon.Macaroon
	if err := m.UnmarshalBinary(b); err != nil || len(m.Caveats()) > maxCaveats {
		return nil, errForged
	}
	return &m, nil
}
