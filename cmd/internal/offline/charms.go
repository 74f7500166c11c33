package offline

import (
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/edge"
	"offlinestore/edge/api"
	"offlinestore/exporter"
)

// reasonParts is the reason for losing a charm whose archive is here.
const reasonParts = "a resource or an image of it is not in the cache any more, or nobody has fetched it"

// givenCharm is a charm that Juju was given, with the reason why it can't be kept, or empty.
type givenCharm struct {
	edge.Charm
	about  api.Charm
	reason string
}

// findCharms finds the charms that Juju was given. Their archives, resources and images must be here, and are read.
func (s *Step) findCharms(ctx context.Context) error {
	for _, c := range s.store.Edge.GivenCharms() {
		g := givenCharm{Charm: c, reason: reasonUnreadable}
		var ok bool
		var err error
		if g.about, ok = c.Describe(); ok {
			if g.reason, err = s.tryCharm(ctx, g.about); err != nil {
				return err
			}
		}
		s.charms = append(s.charms, g)
	}
	return nil
}

// tryCharm returns the reason why a charm can't be kept, or nothing.
func (s *Step) tryCharm(ctx context.Context, about api.Charm) (reason string, err error) {
	if reason, err := s.takeArchive(ctx, digest.NewDigestFromEncoded(digest.SHA256, about.SHA256), about.Size); reason != "" || err != nil {
		return reason, err
	}
	plan, err := s.exporter.Plan(ctx, exporter.Request{Charms: s.charmRequest([]api.Charm{about}), NoIcons: true})
	if err == nil {
		err = s.exporter.Fetch(ctx, plan)
	}
	if cause := context.Cause(ctx); cause != nil {
		return "", cause
	}
	if err != nil {
		return reasonOf(err), nil
	}
	for _, f := range plan.Files() {
		reason, err := s.verifyPart(ctx, digest.NewDigestFromEncoded(digest.SHA256, f.SHA256), f.Size)
		if err != nil {
			return "", err
		}
		if reason == reasonGone {
			reason = reasonParts
		}
		if reason != "" {
			return reason, nil
		}
	}
	return "", nil
}

// charmRequest requests charms, with the images for the architectures that Juju asked for.
func (s *Step) charmRequest(list []api.Charm) *exporter.CharmRequest {
	r := &exporter.CharmRequest{Applications: exporter.GivenCharms(list), NoReferrers: true}
	for _, a := range r.Applications {
		r.Architectures = append(r.Architectures, a.Architectures...)
	}
	if len(r.Architectures) == 0 {
		r.Architectures = []string{defaultArchitecture}
	}
	r.ImageArchitectures = r.Architectures
	return r
}

// defaultArchitecture is for charms that Juju asked for by their numbers, as in exports.
const defaultArchitecture = "amd64"

// takeArchive gives the exporter the archive of a charm, which it reads.
func (s *Step) takeArchive(ctx context.Context, dg digest.Digest, size int64) (reason string, err error) {
	if dg.Validate() != nil {
		return reasonUnreadable, nil
	}
	if reason, err := s.verifyPart(ctx, dg, size); reason != "" || err != nil {
		return reason, err
	}
	s.archives[dg] = true
	to := s.exporter.Cache.Blobs
	if to.Has(dg) {
		return "", nil
	}
	if s.store.Blobs != nil && s.store.Blobs.Has(dg) {
		return "", to.Storage().Adopt(ctx, s.store.Blobs, dg)
	}
	content, _, err := s.in.Blobs.Open(ctx, dg)
	if err != nil {
		return "", err
	}
	defer content.Close()
	st, err := to.Stage(size)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(st, content); err != nil {
		return "", errors.Join(err, st.Discard())
	}
	return "", st.Commit(dg) // the exporter hashes it before it reads it
}

// verifyPart returns the reason why a file of a charm can't be kept, or nothing. A file in the cache is read.
func (s *Step) verifyPart(ctx context.Context, dg digest.Digest, size int64) (reason string, err error) {
	if reason, ok := s.verified[dg]; ok {
		return reason, nil
	}
	reason = reasonGone
	if s.store.Blobs != nil {
		if reason, err = s.verifyCached(ctx, dg); err != nil {
			return "", err
		}
	}
	if reason != "" {
		has, err := s.in.Blobs.Has(ctx, dg, size)
		if err != nil {
			return "", err
		}
		if has {
			reason = ""
		}
	}
	s.verified[dg] = reason
	return reason, nil
}

// verifyCached reads a file in the cache.
func (s *Step) verifyCached(ctx context.Context, dg digest.Digest) (reason string, err error) {
	err = s.store.Blobs.VerifyBlob(ctx, dg)
	var corrupt *blob.CorruptError
	switch {
	case errors.Is(err, blob.ErrNotFound):
		return reasonGone, nil
	case errors.As(err, &corrupt):
		return reasonDamaged, nil
	}
	return "", err
}

// keptCharms returns the charms that can be kept.
func (s *Step) keptCharms() (list []api.Charm) {
	for _, g := range s.charms {
		if g.reason == "" {
			list = append(list, g.about)
		}
	}
	return list
}
