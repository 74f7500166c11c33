package instance

// ScrubReport is the outcome of a check of blobs, for JSON.
type ScrubReport struct {
	Blobs   int             `json:"blobs"`
	Damaged []DamagedReport `json:"damaged"`
	Size    int64           `json:"size"`
}

// DamagedReport is a damaged or missing blob in a ScrubReport.
type DamagedReport struct {
	Digest  string `json:"digest"`
	Problem string `json:"problem"`
	MovedTo string `json:"moved-to,omitempty"`
}

// Report returns the outcome of Verify, which found the bad blobs.
func (l *BlobList) Report(bad []DamagedBlob) ScrubReport {
	out := ScrubReport{l.Len(), []DamagedReport{}, l.Size}
	for _, b := range bad {
		out.Damaged = append(out.Damaged, DamagedReport{b.Digest.String(), b.Problem.Error(), b.MovedTo})
	}
	return out
}
