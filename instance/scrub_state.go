package instance

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"strconv"
	"strings"
	"time"

	"offlinestore/blob"
)

// scrubFile is the file beside the blobs that holds how far an interrupted check has come.
const scrubFile = ".scrub"

// maxScrubState bounds the file, which lists the damaged blobs.
const maxScrubState = 64 << 20

// scrubAge is the age at which an interrupted check is forgotten. By then, the blobs that it has read may have been damaged.
const scrubAge = 7 * 24 * time.Hour

// Subset is one of Of parts of the blobs, which have about the same number of blobs. Its zero value is all blobs.
type Subset struct{ Part, Of int }

// maxSubsets bounds the number of parts.
const maxSubsets = 10_000

// ParseSubset parses a part like "2/7".
func ParseSubset(s string) (Subset, error) {
	part, of, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(part)
	t, terr := strconv.Atoi(of)
	if err != nil || terr != nil || n < 1 || t < n || t > maxSubsets {
		return Subset{}, fmt.Errorf("subset %.20q: want N/T, such as 1/7 for the first of seven parts", s)
	}
	return Subset{n, t}, nil
}

// String returns the form that ParseSubset parses, or "" for all blobs.
func (s Subset) String() string {
	if s.Of == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Part, s.Of)
}

// has reports whether a blob is in the part. The answer does not depend on the other blobs.
func (s Subset) has(d blob.Digest) bool {
	if s.Of == 0 {
		return true
	}
	h := fnv.New32a()
	h.Write([]byte(d))
	return int(h.Sum32()%uint32(s.Of)) == s.Part-1
}

// scrubState tells how far a check has come.
type scrubState struct {
	Started time.Time   `json:"started"`
	Subset  string      `json:"subset,omitempty"`
	Damaged []damageRow `json:"damaged,omitempty"`
	// Last is the last of the blobs, in the order of their digests, before which all were read.
	Last blob.Digest `json:"last"`
}

type damageRow struct {
	Digest  blob.Digest `json:"digest"`
	Problem string      `json:"problem"`
	MovedTo string      `json:"moved-to,omitempty"`
}

// readScrubState returns the state of an interrupted check of the same part, or nil.
func readScrubState(path string, s Subset) *scrubState {
	data, err := blob.ReadFile(path, maxScrubState)
	state := &scrubState{}
	if err != nil || json.Unmarshal(data, state) != nil || state.Subset != s.String() || blob.CheckDigest(state.Last) != nil {
		return nil
	}
	if age := time.Since(state.Started); age < 0 || age > scrubAge {
		return nil
	}
	return state
}

// write keeps the state. A check that cannot keep it begins anew after an interruption.
func (s *scrubState) write(path string) {
	if data, err := json.Marshal(s); err == nil {
		_ = blob.WriteFile(path, data, blob.WriteOptions{Mode: 0o644})
	}
}

// forgetScrub removes the state of a check that is complete.
func forgetScrub(path string) { os.Remove(path) }
