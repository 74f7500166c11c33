package bundle_test

import (
	"archive/tar"
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"offlinestore/bundle"
)

// A forge writes bundles from docs/bundle.md alone, without package bundle. This proves that the specification is complete. Its
// hooks make bundles that package bundle would never write, signed by a trusted key.
type forge struct {
	items  []*forgeItem
	format string
	// predicate is the signed predicate, byte for byte.
	predicate string

	editD            func(*ociIndex)
	editRawD         func([]byte) []byte
	editStatement    func(map[string]any)
	editRawStatement func([]byte) []byte
	editEnvelope     func(map[string]any)
	editRawEnvelope  func([]byte) []byte
	editSignature    func(*ociManifest)
	editTop          func(*ociIndex)
	editFiles        func([]*forgeFile) []*forgeFile
}

// forgeItem is an item. The first nHead layers belong to the head.
type forgeItem struct {
	artifactType, name string
	config             *forgeBlob
	layers             []*forgeBlob
	edit               func(*ociManifest)
	editDesc           func(*ociDescriptor)
	editRaw            func([]byte) []byte
	// image is the manifest of an image, byte for byte; typ is its media type, and blobs its config and layers. Such an item has
	// no other fields.
	image     []byte
	imageType string
	blobs     [][]byte
}

type forgeBlob struct {
	mediaType, title string
	sha3             string // hex, of payload blobs
	data             []byte
	edit             func(*ociDescriptor)
}

type forgeFile struct {
	name string
	data []byte
	edit func(*tar.Header)
	// raw replaces header, data and padding.
	raw []byte
}

type ociDescriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	URLs         []string          `json:"urls,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Data         []byte            `json:"data,omitempty"`
	Platform     map[string]string `json:"platform,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
}

type ociManifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType,omitempty"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Config        ociDescriptor     `json:"config"`
	Layers        []ociDescriptor   `json:"layers"`
	Subject       *ociDescriptor    `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

type ociIndex struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType,omitempty"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Manifests     []ociDescriptor   `json:"manifests"`
	Subject       *ociDescriptor    `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

const (
	ociManifestType = "application/vnd.oci.image.manifest.v1+json"
	ociIndexType    = "application/vnd.oci.image.index.v1+json"
	ociEmptyType    = "application/vnd.oci.empty.v1+json"
	vnd             = "application/vnd.offlinestore."
)

func toJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func descriptorOf(mediaType string, b []byte) ociDescriptor {
	return ociDescriptor{MediaType: mediaType, Digest: "sha256:" + sha(b), Size: int64(len(b))}
}

func (b *forgeBlob) descriptor() ociDescriptor {
	d := descriptorOf(b.mediaType, b.data)
	if b.title != "" {
		d.Annotations = map[string]string{"org.opencontainers.image.title": b.title}
		if b.sha3 != "" {
			d.Annotations["vnd.offlinestore.sha3-384"] = b.sha3
		}
	}
	if b.edit != nil {
		b.edit(&d)
	}
	return d
}

func (b *forgeBlob) inHead() bool {
	return b.mediaType == "application/x.ubuntu.assertion" || strings.HasPrefix(b.mediaType, "image/")
}

func (i *forgeItem) manifest() []byte {
	m := ociManifest{SchemaVersion: 2, MediaType: ociManifestType, ArtifactType: i.artifactType, Config: i.config.descriptor(), Layers: []ociDescriptor{}}
	for _, l := range i.layers {
		m.Layers = append(m.Layers, l.descriptor())
	}
	if i.edit != nil {
		i.edit(&m)
	}
	raw := toJSON(m)
	if i.editRaw != nil {
		raw = i.editRaw(raw)
	}
	return raw
}

// seal returns the files of the bundle in their order.
func (f *forge) seal(key crypto.Signer) []*forgeFile {
	var small, configs, head, payload [][]byte
	d := ociIndex{SchemaVersion: 2, MediaType: ociIndexType, ArtifactType: vnd + "bundle.v1",
		Annotations: map[string]string{"vnd.offlinestore.bundle.format": f.format}}
	for _, it := range f.items {
		raw := it.image
		desc := descriptorOf(it.imageType, raw)
		if raw == nil {
			raw = it.manifest()
			desc = descriptorOf(ociManifestType, raw)
		}
		desc.ArtifactType = it.artifactType
		desc.Annotations = map[string]string{"org.opencontainers.image.ref.name": it.name}
		if it.editDesc != nil {
			it.editDesc(&desc)
		}
		d.Manifests = append(d.Manifests, desc)
		small, payload = append(small, raw), append(payload, it.blobs...)
		if it.image != nil {
			continue
		}
		configs = append(configs, it.config.data)
		for _, l := range it.layers {
			if l.inHead() {
				head = append(head, l.data)
			} else {
				payload = append(payload, l.data)
			}
		}
	}
	if f.editD != nil {
		f.editD(&d)
	}
	rawD := toJSON(d)
	if f.editRawD != nil {
		rawD = f.editRawD(rawD)
	}
	files := f.top(rawD, d.Manifests, key)
	seen := map[string]bool{sha([]byte("{}")): true} // {} is among the top blobs
	for _, b := range slices.Concat(small, configs, head, payload) {
		if !seen[sha(b)] {
			seen[sha(b)] = true
			files = append(files, blobFile(b))
		}
	}
	if f.editFiles != nil {
		files = f.editFiles(files)
	}
	return files
}

func blobFile(b []byte) *forgeFile { return &forgeFile{name: "blobs/sha256/" + sha(b), data: b} }

// top returns the files that come before the items.
func (f *forge) top(rawD []byte, items []ociDescriptor, key crypto.Signer) []*forgeFile {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		panic(err)
	}
	envelope := f.sign(sha(rawD), "sha256:"+sha(der), key)
	bundleDesc := descriptorOf(ociIndexType, rawD)
	subject := bundleDesc
	m := ociManifest{SchemaVersion: 2, MediaType: ociManifestType, ArtifactType: vnd + "signature.v1",
		Config: descriptorOf(ociEmptyType, []byte("{}")), Layers: []ociDescriptor{descriptorOf("application/vnd.dsse.envelope.v1+json", envelope)},
		Subject: &subject, Annotations: map[string]string{"vnd.offlinestore.public-key": base64.StdEncoding.EncodeToString(der)}}
	if f.editSignature != nil {
		f.editSignature(&m)
	}
	rawM := toJSON(m)
	top := bundleDesc
	top.ArtifactType, top.Annotations = vnd+"bundle.v1", map[string]string{"org.opencontainers.image.ref.name": "bundle"}
	sig := descriptorOf(ociManifestType, rawM)
	sig.ArtifactType, sig.Annotations = vnd+"signature.v1", map[string]string{"org.opencontainers.image.ref.name": "signature"}
	index := ociIndex{SchemaVersion: 2, MediaType: ociIndexType, Manifests: append([]ociDescriptor{top, sig}, items...),
		Annotations: map[string]string{"vnd.offlinestore.bundle.format": f.format}}
	if f.editTop != nil {
		f.editTop(&index)
	}
	return []*forgeFile{
		{name: "oci-layout", data: []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {name: "index.json", data: toJSON(index)},
		blobFile(rawD), blobFile(rawM), blobFile([]byte("{}")), blobFile(envelope),
	}
}

// sign makes the DSSE envelope by hand.
func (f *forge) sign(index, keyID string, key crypto.Signer) []byte {
	const payloadType = "application/vnd.in-toto+json"
	statement := []byte(fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"bundle","digest":{"sha256":"%s"}}],`+
		`"predicateType":"urn:offlinestore:bundle:v1","predicate":%s}`, index, f.predicate))
	if f.editStatement != nil {
		var m map[string]any
		if err := json.Unmarshal(statement, &m); err != nil {
			panic(err)
		}
		f.editStatement(m)
		statement = toJSON(m)
	}
	if f.editRawStatement != nil {
		statement = f.editRawStatement(statement)
	}
	pae := fmt.Sprintf("DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(statement), statement)
	sig := base64.StdEncoding.EncodeToString(signatureOf(key, []byte(pae)))
	raw := []byte(fmt.Sprintf(`{"payloadType":"%s","payload":"%s","signatures":[{"keyid":"%s","sig":"%s"}]}`,
		payloadType, base64.StdEncoding.EncodeToString(statement), keyID, sig))
	if f.editEnvelope != nil {
		var m map[string]any
		if err := json.Unmarshal(raw, &m); err != nil {
			panic(err)
		}
		f.editEnvelope(m)
		e := struct {
			PayloadType any `json:"payloadType"`
			Payload     any `json:"payload"`
			Signatures  any `json:"signatures"`
		}{m["payloadType"], m["payload"], m["signatures"]}
		raw = toJSON(e)
	}
	if f.editRawEnvelope != nil {
		raw = f.editRawEnvelope(raw)
	}
	return raw
}

// TestForge shows that the forge and package bundle write the same bytes.
func TestForge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*content{"snaps": sample(t), "charms": charmSample(t), "all": fullSample(t), "format 1.2": stepperVector(t), "more of 1.2": additionsVector(t), "format 1.3": storeVector(t), "format 1.4": repositoryVector(t)} {
		sealed := c.seal(t)
		plain := tarOf(c.forge().seal(testKey()))
		for compression, want := range map[bundle.Compression][]byte{bundle.None: plain, bundle.Gzip: gzipOf(plain)} {
			if got := c.pack(t, sealed, compression); !bytes.Equal(got, want) {
				t.Errorf("%s, %s: the bundle of %d bytes is not that of the specification, of %d bytes", name, compression, len(got), len(want))
			}
		}
	}
}
