package inquiry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/registry"
)

// ImageAnswer is the outcome for a client that pulls an image.
type ImageAnswer struct {
	Result string `json:"result"` // manifest or error
	// Digest is the one of the index or manifest that the name leads to, and Manifest the one for the architecture.
	Digest   string `json:"digest,omitempty"`
	Manifest string `json:"manifest,omitempty"`
	Code     string `json:"code,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// Image asks the registry for an image like a client on an architecture, in the words of Go. Without a tag and a digest, the tag is latest.
func Image(cat *catalog.Snapshot, blobs *blob.Storage, name, arch string) (ImageAnswer, error) {
	r := registry.New(registry.Config{Blobs: blobs})
	if err := r.SetSnapshot(cat); err != nil {
		return ImageAnswer{}, err
	}
	path, tag, d := catalog.SplitImage(name)
	ref := d.String()
	switch {
	case ref == "" && tag == "":
		ref = "latest"
	case ref == "":
		ref = tag
	}
	raw, header, err := pull(r.Handler(), path, ref)
	if err != nil {
		return ImageAnswer{}, err
	}
	a := ImageAnswer{Result: "manifest", Digest: header.Get("Docker-Content-Digest")}
	if a.Digest == "" {
		return refusal(raw)
	}
	if kind := header.Get("Content-Type"); !strings.HasSuffix(kind, "index.v1+json") && !strings.HasSuffix(kind, "list.v2+json") {
		a.Manifest = a.Digest
		return a, nil
	}
	var index ocispec.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		return a, fmt.Errorf("the registry's answer: %w", err)
	}
	for _, m := range index.Manifests {
		if m.Platform == nil || m.Platform.Architecture != arch {
			continue
		}
		if _, header, err = pull(r.Handler(), path, m.Digest.String()); err != nil {
			return a, err
		}
		if a.Manifest = header.Get("Docker-Content-Digest"); a.Manifest != "" {
			return a, nil
		}
		a.Reason = "the part for " + arch + " was not exported"
	}
	if a.Reason == "" {
		a.Reason = "the image is not for " + arch
	}
	a.Result = "error"
	return a, nil
}

// pull sends a request for a manifest to the registry.
func pull(h http.Handler, path, ref string) (body []byte, header http.Header, err error) {
	req, err := http.NewRequest(http.MethodGet, "http://localhost/v2/"+path+"/manifests/"+ref, http.NoBody)
	if err != nil {
		return nil, nil, err
	}
	w := &answerBuffer{header: make(http.Header)}
	h.ServeHTTP(w, req)
	return w.body.Bytes(), w.header, nil
}

// refusal returns the registry's error.
func refusal(raw []byte) (ImageAnswer, error) {
	var body struct {
		Errors []struct{ Code, Message string }
	}
	if err := json.Unmarshal(raw, &body); err != nil || len(body.Errors) == 0 {
		return ImageAnswer{}, fmt.Errorf("the registry's answer is %.100q", raw)
	}
	return ImageAnswer{Result: "error", Code: body.Errors[0].Code, Reason: body.Errors[0].Message}, nil
}

// Sentence returns the answer in words.
func (a ImageAnswer) Sentence() string {
	switch {
	case a.Digest == "":
		return "nothing: " + a.Reason
	case a.Manifest == "":
		return "nothing of " + a.Digest + ": " + a.Reason
	case a.Manifest != a.Digest:
		return a.Digest + ", of which " + a.Manifest
	}
	return a.Digest
}
