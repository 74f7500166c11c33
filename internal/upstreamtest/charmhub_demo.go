package upstreamtest

import (
	"crypto/sha256"
	"fmt"
	"image/color"
)

// The credentials of the demonstration's registry. No message and no bundle may contain the password.
const (
	DemoRegistryUser     = "docker-registry"
	DemoRegistryPassword = "MDAxOGxvY2F0aW9uIGNoYXJtc3RvcmU"
)

// DemoCharmsOptions are the options of DemoCharms. Registry and Host are required.
type DemoCharmsOptions struct {
	// Registry receives the images. It should require the demonstration's credentials, see DemoRegistry.
	Registry *Registry
	// Host is the address of the registry's Handler: 127.0.0.1:5000.
	Host string
	// Payload is the number of bytes in each layer; 0 is 64 KiB.
	Payload int64
}

// DemoRegistry returns an empty registry that issues tokens for the demonstration's credentials.
func DemoRegistry() *Registry {
	return NewRegistry(RegistryOptions{Username: DemoRegistryUser, Password: DemoRegistryPassword})
}

// DemoCharms adds a small catalogue of charms to a store:
//   - postgresql-k8s for 22.04, amd64 and arm64, on the default track 14, with an image for both architectures,
//   - traefik-k8s for 20.04, amd64, with an image of Docker's kind, which is for amd64 alone,
//   - postgresql, a machine charm for 22.04 and 24.04, with a file, a file that was never uploaded, and the snap jq of Demo in its code,
//   - grafana-agent, a subordinate for all architectures, without resources,
//   - the bundle cos-lite of the first two.
func DemoCharms(s *Store, opts DemoCharmsOptions) error {
	if opts.Payload == 0 {
		opts.Payload = 64 << 10
	}
	b := &charmBuilder{store: s, opts: opts}
	b.postgresqlK8s()
	b.traefik()
	b.postgresql()
	b.agent()
	b.bundle()
	return b.err
}

// charmBuilder fills a store until a call fails.
type charmBuilder struct {
	store *Store
	opts  DemoCharmsOptions
	err   error
}

func (b *charmBuilder) do(err error) {
	if b.err == nil {
		b.err = err
	}
}

// platform returns the publisher of the databases.
func platform() Publisher {
	return Publisher{ID: ID("account data-platform"), Username: "data-platform", DisplayName: "Data Platform", Validation: "verified"}
}

// image adds an image for each of archs to the registry, and an index if there are several.
func (b *charmBuilder) image(charm, resource string, docker bool, archs ...string) *ImageBlob {
	repository := fmt.Sprintf("charm/%x/%s", sha256.Sum256([]byte(charm)), resource)
	var children []string
	for _, arch := range archs {
		layers := []Blob{Bytes(MakeLayer("base "+arch, b.opts.Payload)), Bytes(MakeLayer(charm+resource+arch, b.opts.Payload))}
		d, err := b.opts.Registry.AddImage(repository, Image{Arch: arch, Docker: docker, Layers: layers})
		b.do(err)
		children = append(children, d)
	}
	root := children[0]
	if len(archs) > 1 {
		var err error
		root, err = b.opts.Registry.AddIndex(repository, docker, children...)
		b.do(err)
	}
	return &ImageBlob{Ref: b.opts.Host + "/" + repository + "@" + root, Username: DemoRegistryUser, Password: DemoRegistryPassword}
}

func (b *charmBuilder) postgresqlK8s() {
	const name = "postgresql-k8s"
	b.do(b.store.AddCharm(Charm{
		Name: name, DefaultTrack: "14", Publisher: platform(), Title: "Charmed PostgreSQL K8s", License: "Apache-2.0",
		Summary: "Charmed PostgreSQL K8s operator", Website: "https://example.com/postgresql", Categories: []string{"databases", "featured"},
		Icon: icon(color.RGBA{0x33, 0x67, 0x91, 0xff}),
	}))
	files := CharmFiles{
		Metadata: "name: postgresql-k8s\nsummary: Charmed PostgreSQL K8s operator\ndescription: |\n  PostgreSQL on Kubernetes.\n" +
			"containers:\n  postgresql:\n    resource: postgresql-image\nresources:\n  postgresql-image:\n    type: oci-image\n    description: OCI image for PostgreSQL\n" +
			"provides:\n  database:\n    interface: postgresql_client\n",
		Config:  "options:\n  profile:\n    type: string\n    default: production\n    description: Memory profile.\n",
		Actions: "get-primary:\n  description: Get the unit which is the primary.\n",
		Readme:  "# PostgreSQL\n",
		Payload: b.opts.Payload,
	}
	for i, arch := range []string{"amd64", "arm64"} {
		files.Bases = []Base{Ubuntu("22.04", arch)}
		b.do(b.store.AddCharmRevision(name, CharmRev{Revision: 20 + i, CharmFiles: files}))
		b.do(b.store.AddCharmRevision(name, CharmRev{Revision: 30 + i, CharmFiles: files}))
	}
	resource := CharmResource{Name: "postgresql-image", Description: "OCI image for PostgreSQL", Revision: 162, Image: b.image(name, "postgresql-image", false, "amd64", "arm64")}
	b.do(b.store.AddCharmResource(name, resource))
	for i := range 2 {
		b.do(b.store.ReleaseCharm(name, "14/stable", Base{}, 20+i, map[string]int{resource.Name: 162}))
		b.do(b.store.ReleaseCharm(name, "14/edge", Base{}, 30+i, map[string]int{resource.Name: 162}))
	}
}

func (b *charmBuilder) traefik() {
	const name = "traefik-k8s"
	b.do(b.store.AddCharm(Charm{Name: name, Summary: "Ingress for Kubernetes", License: "Apache-2.0"}))
	b.do(b.store.AddCharmRevision(name, CharmRev{Revision: 176, CharmFiles: CharmFiles{
		Metadata: "name: traefik-k8s\nsummary: Ingress for Kubernetes\ndescription: |\n  Traefik.\ncontainers:\n  traefik:\n    resource: traefik-image\n" +
			"resources:\n  traefik-image:\n    type: oci-image\n    description: Traefik\n",
		Bases: []Base{Ubuntu("20.04", "amd64")}, Payload: b.opts.Payload,
	}}))
	b.do(b.store.AddCharmResource(name, CharmResource{Name: "traefik-image", Description: "Traefik", Revision: 160, Image: b.image(name, "traefik-image", true, "amd64")}))
	b.do(b.store.ReleaseCharm(name, "stable", Base{}, 176, map[string]int{"traefik-image": 160}))
}

func (b *charmBuilder) postgresql() {
	const name = "postgresql"
	b.do(b.store.AddCharm(Charm{Name: name, DefaultTrack: "14", Publisher: platform(), Summary: "Charmed PostgreSQL VM operator", License: "Apache-2.0"}))
	b.do(b.store.AddCharmRevision(name, CharmRev{Revision: 553, Version: "553", CharmFiles: CharmFiles{
		Metadata: "name: postgresql\nsummary: Charmed PostgreSQL VM operator\ndescription: |\n  PostgreSQL on machines.\nresources:\n" +
			"  tuning:\n    type: file\n    filename: tuning.tar.gz\n    description: Tuning\n  overrides:\n    type: file\n    filename: overrides.txt\n    description: Overrides\n",
		Bases: []Base{Ubuntu("22.04", "amd64"), Ubuntu("22.04", "arm64"), Ubuntu("24.04", "amd64")},
		Files: map[string]string{
			"src/constants.py": "SNAP_PACKAGES = [(\"jq\", {\"revision\": {\"aarch64\": \"7\", \"x86_64\": \"6\"}, \"channel\": \"stable\"})]\n",
		},
		Payload: b.opts.Payload,
	}}))
	b.do(b.store.AddCharmResource(name, CharmResource{Name: "tuning", Filename: "tuning.tar.gz", Description: "Tuning", Revision: 1, Blob: Random("tuning 1", b.opts.Payload)}))
	b.do(b.store.AddCharmResource(name, CharmResource{Name: "tuning", Filename: "tuning.tar.gz", Description: "Tuning", Revision: 2, Blob: Random("tuning 2", b.opts.Payload)}))
	b.do(b.store.AddCharmResource(name, CharmResource{Name: "overrides", Filename: "overrides.txt", Description: "Overrides"}))
	b.do(b.store.ReleaseCharm(name, "14/stable", Base{}, 553, map[string]int{"tuning": 2, "overrides": 0}))
}

func (b *charmBuilder) agent() {
	const name = "grafana-agent"
	b.do(b.store.AddCharm(Charm{Name: name, Summary: "Grafana Agent", Publisher: platform()}))
	b.do(b.store.AddCharmRevision(name, CharmRev{Revision: 12, CharmFiles: CharmFiles{
		Metadata: "name: grafana-agent\nsummary: Grafana Agent\ndescription: |\n  Telemetry.\nsubordinate: true\nrequires:\n  juju-info:\n    interface: juju-info\n    scope: container\n",
		Bases:    []Base{Ubuntu("22.04", "all")},
	}}))
	b.do(b.store.ReleaseCharm(name, "latest/stable", Base{}, 12, nil))
}

func (b *charmBuilder) bundle() {
	const name = "cos-lite"
	b.do(b.store.AddCharm(Charm{Name: name, Type: "bundle", Contains: []string{"traefik-k8s", "postgresql-k8s"}, Summary: "Light-weight observability", Publisher: platform()}))
	b.do(b.store.AddCharmRevision(name, CharmRev{Revision: 18, CharmFiles: CharmFiles{
		Bundle: "name: cos-lite\nbundle: kubernetes\napplications:\n  traefik:\n    charm: traefik-k8s\n    channel: stable\n    scale: 1\n    trust: true\n" +
			"  db:\n    charm: postgresql-k8s\n    channel: 14/stable\n    base: ubuntu@22.04\n    scale: 1\nrelations:\n- [traefik, db]\n",
		Readme: "# COS Lite\n",
	}}))
	b.do(b.store.ReleaseCharm(name, "latest/stable", Base{}, 18, nil))
}
