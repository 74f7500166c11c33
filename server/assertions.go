package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"offlinestore/assertion"
	"offlinestore/snap"
)

// indexedAssertion is an assertion of the catalogue, with its place in its sequence if its type forms one. The assertions of one key form a
// list, the newest revision first.
type indexedAssertion struct {
	typ                        string
	key                        []string // the primary key
	format, revision, sequence int
	// isKnown is set for an assertion that the catalogue need not have, and isSpecial for one that changes the answers about others.
	isKnown, isSpecial bool
	// snaps are the IDs and names of the snaps that the assertion is about.
	snaps []string
	// text is the assertion. A special one is kept in memory, too.
	text spooled
	kept []byte
	// older is the next revision or format of the key.
	older *indexedAssertion
}

// unlimited is the format limit of a client that sends none.
const unlimited = math.MaxInt

// group returns the key of the assertions that are hidden together: all revisions of one assertion, and all points of a sequence. A device that
// saw older points alone would take the last of them for the present one.
func (a *indexedAssertion) group() string {
	if a.sequence > 0 {
		return a.sequenceKey()
	}
	return a.ref().Key()
}

// sequenceKey returns the key of the sequence.
func (a *indexedAssertion) sequenceKey() string { return assertionKey(a.typ, a.key[:len(a.key)-1]) }

func (a *indexedAssertion) ref() assertion.Ref {
	return assertion.Ref{Type: a.typ, PrimaryKey: a.key}
}

func assertionKey(typ string, key []string) string {
	return assertion.Ref{Type: typ, PrimaryKey: key}.Key()
}

// raw returns the assertion as it was signed.
func (a *indexedAssertion) raw() ([]byte, error) {
	if a.kept != nil {
		return a.kept, nil
	}
	return a.text.read(nil)
}

// assertion returns the newest revision of ref that a client understands if it knows formats up to maxFormat.
func (ix *index) assertion(ref assertion.Ref, maxFormat int) *indexedAssertion {
	for a := ix.assertions.get(ref.Key()); a != nil; a = a.older {
		if a.format <= maxFormat && ix.seesAssertion(a) {
			return a
		}
	}
	return nil
}

// latest returns the last point of a sequence.
func (ix *index) latest(typ string, key []string, maxFormat int) *indexedAssertion {
	for _, a := range ix.sequences.get(assertionKey(typ, key)) {
		if a.format <= maxFormat && ix.seesAssertion(a) {
			return a
		}
	}
	return nil
}

// errNoAssertion reports that a request for an assertion is valid but names an assertion that is not here.
var errNoAssertion = errors.New("not in this store")

// lookUp finds the assertion that the path and the query of a URL name.
func (ix *index) lookUp(typ string, key []string, query url.Values) (*indexedAssertion, error) {
	maxFormat := unlimited
	if s := query.Get("max-format"); s != "" {
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("max-format %.20q: want a number", s)
		}
		maxFormat = int(n)
	}
	t, ok := assertion.TypeByName(typ)
	if !ok {
		return nil, errNoAssertion
	}
	var a *indexedAssertion
	if t.Sequence && len(key) == len(t.PrimaryKey)-1 {
		switch seq := query.Get("sequence"); seq {
		case "", "latest":
			a = ix.latest(typ, key, maxFormat)
		default:
			key = append(slices.Clone(key), seq)
		}
	}
	if a == nil && !(t.Sequence && len(key) < len(t.PrimaryKey)) {
		ref, err := assertion.RefFromPath(typ, key)
		if err != nil {
			return nil, err
		}
		a = ix.assertion(ref, maxFormat)
	}
	if a == nil {
		return nil, errNoAssertion
	}
	return a, nil
}

// isOfFile reports whether devices ask for assertions of a type because they have downloaded a file. Other assertions are often missing.
func isOfFile(typ string) bool {
	switch typ {
	case "snap-revision", "snap-resource-revision", "snap-resource-pair":
		return true
	}
	return false
}

// serveAssertion answers GET <prefix><type>/<primary key…>. It splits the path before it unescapes the parts, since a part may hold
// any character.
func (s *Server) serveAssertion(w http.ResponseWriter, r *http.Request, ix *index) {
	_, path, _ := strings.Cut(r.URL.EscapedPath(), "/assertions/")
	parts := strings.Split(path, "/")
	for i, p := range parts {
		var err error
		if parts[i], err = url.PathUnescape(p); err != nil {
			s.fail(w, r, http.StatusBadRequest, codeBadRequest, "the path is not properly escaped")
			return
		}
	}
	a, err := ix.lookUp(parts[0], parts[1:], r.URL.Query())
	if errors.Is(err, errNoAssertion) {
		a, err = s.settings.Load().registration.lookUp(parts[0], parts[1:], r.URL.Query())
	}
	switch {
	case errors.Is(err, errNoAssertion) && isOfFile(parts[0]) && s.answerAgain(w, r, ix, s.forDevice(s.serveAssertion)):
	case errors.Is(err, errNoAssertion):
		s.fail(w, r, http.StatusNotFound, snap.CodeNotFound, fmt.Sprintf("no %.60s assertion with this key in this store", parts[0]))
	case err != nil:
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, err.Error())
	default:
		s.sendAssertion(w, r, a)
	}
}

// sendAssertion answers with an assertion. The real store ends each assertion with a newline, which is not part of the signed text.
func (s *Server) sendAssertion(w http.ResponseWriter, r *http.Request, a *indexedAssertion) {
	raw, err := a.raw()
	if err != nil {
		s.cfg.Logger.Error("an assertion of the catalogue can't be read", "assertion", a.ref(), "err", err)
		s.fail(w, r, http.StatusInternalServerError, codeInternal, "the assertion can't be read in this store")
		return
	}
	end := "\n"
	if bytes.HasSuffix(raw, []byte(end)) {
		end = ""
	}
	h := w.Header()
	h.Set("Content-Type", snap.AssertionMediaType)
	h.Set("Content-Length", strconv.Itoa(len(raw)+len(end)))
	h.Set("ETag", `"`+strconv.Itoa(a.revision)+`"`)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(raw)
	_, _ = io.WriteString(w, end) // the client is gone
}

// assertionURL returns the URL of an assertion, for a client that knows formats up to maxFormat.
func assertionURL(origin string, a *indexedAssertion, maxFormat int) string {
	var b strings.Builder
	b.WriteString(origin)
	b.WriteString("/v2/assertions/")
	b.WriteString(a.typ)
	for _, p := range a.ref().Path() {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(p))
	}
	if maxFormat != unlimited {
		b.WriteString("?max-format=" + strconv.Itoa(maxFormat))
	}
	return b.String()
}
