package upstreamtest

import (
	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

// Announce makes answers give another digest (in hex; "" keeps it) and size (0 keeps it) of a revision's blob. Its snap-revision stays
// unchanged.
func (s *Store) Announce(name string, revision int, sha3384 string, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := &s.snaps[name].revisions[revision].announced
	if sha3384 != "" {
		d.sha3384 = sha3384
	}
	if size != 0 {
		d.size = size
	}
}

// Replace serves a instead of the assertion with the same ref and format, or adds it.
func (s *Store) Replace(a *assertion.Assertion) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(a)
}

// Remove removes an assertion from the store, in every format. It reports whether there was one.
func (s *Store) Remove(ref assertion.Ref) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.assertions[ref.Key()]
	delete(s.assertions, ref.Key())
	return ok
}

// Find returns the assertion in format 0, which makes the store an assertion.Source.
func (s *Store) Find(ref assertion.Ref) (*assertion.Assertion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.assertions[ref.Key()][0]; a != nil {
		return a, nil
	}
	return nil, assertion.ErrNotFound
}

// RevisionRef returns the ref of the snap-revision of a revision.
func (s *Store) RevisionRef(name string, revision int) assertion.Ref {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := s.snaps[name].revisions[revision].snap.blob().SHA3_384
	ref, err := assertion.RefFromPath("snap-revision", []string{assertion.DigestHeader(sum)})
	if err != nil {
		panic(err) // a digest is a key
	}
	return ref
}

// ExpireKey replaces the store's signing key by one that expired a year after it had signed everything.
func (s *Store) ExpireKey() {
	s.Replace(s.Stack.AccountKey(assertiontest.RootID, "store", s.Stack.StoreKey, assertiontest.Headers{"until": "2025-02-03T00:00:00Z", "revision": "1"}))
}

// ForgeRevision serves a snap-revision with the content of the true one, signed by another root.
func (s *Store) ForgeRevision(name string, revision int) error {
	key, err := assertiontest.PrivateKey("other")
	if err != nil {
		return err
	}
	signer, err := assertion.NewSigningKey(key)
	if err != nil {
		return err
	}
	const rogue = "roguerootroguerootroguerootrogue"
	account, err := assertion.Sign(assertiontest.Headers{
		"type": "account", "authority-id": rogue, "account-id": rogue, "display-name": "Rogue", "username": rogue, "validation": "verified",
		"timestamp": assertiontest.Timestamp,
	}, nil, signer)
	if err != nil {
		return err
	}
	accountKey, err := assertion.Sign(assertiontest.Headers{
		"type": "account-key", "authority-id": rogue, "account-id": rogue, "name": "root", "public-key-sha3-384": signer.KeyID(), "since": assertiontest.Since,
	}, signer.PublicKeyBody(), signer)
	if err != nil {
		return err
	}
	genuine, err := s.Find(s.RevisionRef(name, revision))
	if err != nil {
		return err
	}
	headers := genuine.Headers()
	headers["authority-id"] = rogue
	delete(headers, "sign-key-sha3-384")
	forged, err := assertion.Sign(headers, nil, signer)
	if err != nil {
		return err
	}
	for _, a := range []*assertion.Assertion{account, accountKey, forged} {
		s.Replace(a)
	}
	return nil
}

// Describe changes the title and the icon of a snap, as its publisher may at any time.
func (s *Store) Describe(name, title string, icon []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.snaps[name]; e != nil {
		e.Title, e.Icon = title, icon
	}
}
