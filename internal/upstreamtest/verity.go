package upstreamtest

import (
	"fmt"
	"strings"

	"offlinestore/internal/assertiontest"
)

// integrity returns the dm-verity data of a revision.
func (e *entry) integrity(r *revision, base string) []object {
	if r.Verity == nil {
		return []object{}
	}
	o := r.verityParams(false)
	o["download"] = download(r.verity, base+"/api/v1/snaps/download/"+e.verityFile(r))
	return []object{o}
}

// verityParams returns the parameters of the dm-verity data, as texts for an assertion. The digest is none of a real tree.
func (r *revision) verityParams(texts bool) object {
	o := object{"type": "dm-verity", "version": "1", "hash-algorithm": "sha256", "data-block-size": 4096, "hash-block-size": 4096,
		"digest": r.verity.sha3384[:64], "salt": strings.Repeat("5a", 32)}
	if texts {
		o["data-block-size"], o["hash-block-size"] = "4096", "4096"
	}
	return o
}

func (e *entry) verityFile(r *revision) string {
	return fmt.Sprintf("%s_%d.dmverity_%s", e.SnapID, r.Revision, r.verity.sha3384[:64])
}

// verityHeaders returns the headers that the dm-verity data of a revision adds to its snap-revision.
func (r *revision) verityHeaders() assertiontest.Headers {
	if r.Verity == nil {
		return nil
	}
	return assertiontest.Headers{"integrity": []any{r.verityParams(true)}}
}

// verityDigest returns the digest of the dm-verity data of rev, zero for none.
func verityDigest(rev *Rev) (digest, error) {
	if rev.Verity == nil {
		return digest{}, nil
	}
	return digestOf(rev.Verity)
}
