//go:build unix

package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/catalog"
	"offlinestore/instance/pgcluster"
	"offlinestore/snap"
)

// largeRevisions is the number of revisions of each snap of a large catalogue.
const largeRevisions = 3

// largeCatalogue makes the rows of a catalogue of many snaps, with texts and assertions as long as real ones.
type largeCatalogue struct {
	snaps int
	words []string
}

func newLargeCatalogue(snaps int) *largeCatalogue {
	g := &largeCatalogue{snaps: snaps}
	r := rand.New(rand.NewPCG(1, 2))
	for range 4000 {
		word := ""
		for range 1 + r.IntN(3) {
			word += string("bcdfghklmnprstvz"[r.IntN(16)]) + string("aeiou"[r.IntN(5)]) + string("lmnrstx"[r.IntN(7)])
		}
		g.words = append(g.words, word)
	}
	return g
}

// text returns so many words.
func (g *largeCatalogue) text(r *rand.Rand, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = g.words[int(float64(len(g.words))*r.Float64()*r.Float64())]
	}
	return strings.Join(list, " ")
}

func largeID(i int) string { return fmt.Sprintf("%032d", i) }

// largeName returns the name of a snap. Neighbours in the alphabet are far from each other in the tables.
func largeName(i int) string {
	sum := sha256.Sum256([]byte(largeID(i)))
	return "snap-" + hex.EncodeToString(sum[:6])
}

// fillLarge makes a store of the catalogue. It writes the rows past the imports, which would take much longer.
func (b *bench) fillLarge(data string, g *largeCatalogue) error {
	if _, err := b.proxy(data, "enable-airgap-mode"); err != nil {
		return err
	}
	cluster, err := pgcluster.Start(b.ctx, pgcluster.Options{Dir: filepath.Join(data, "postgresql")})
	if err != nil {
		return err
	}
	defer cluster.Close()
	dsn := cluster.DSN("postgres", pgcluster.Superuser)
	s, err := catalog.Open(b.ctx, dsn)
	if err != nil {
		return err
	}
	s.Close()
	conn, err := pgx.Connect(b.ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(b.ctx))
	if _, err := conn.Exec(b.ctx, `set session_replication_role = replica; set synchronous_commit = off`); err != nil {
		return err
	}
	return g.write(b.ctx, conn)
}

// change moves a channel of many snaps in one transaction, as a push does.
func (s *serving) change(n int) error {
	cluster, err := pgcluster.Start(s.b.ctx, pgcluster.Options{Dir: filepath.Join(s.data, "postgresql")})
	if err != nil {
		return err
	}
	defer cluster.Close()
	conn, err := pgx.Connect(s.b.ctx, cluster.DSN("postgres", pgcluster.Superuser))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(s.b.ctx))
	const q = `
		begin; update channel_map set released_at = '2026-02-03T04:05:06Z', revision = 2 where channel = 'latest/stable' and snap_id < '%s';
		update generation set number = number + 1; notify offlinestore_catalogue; commit`
	_, err = conn.Exec(s.b.ctx, fmt.Sprintf(q, largeID(n)))
	return err
}

// write writes the rows.
func (g *largeCatalogue) write(ctx context.Context, conn *pgx.Conn) error {
	const in = `
		insert into import (bundle, name, signer, signed_at, sequence, exporter, program, report)
		values ('sha256:00', 'bench', 'bench', now(), 1, 'bench', 'bench', '{}')`
	if _, err := conn.Exec(ctx, in); err != nil {
		return err
	}
	for _, t := range []struct {
		name    string
		columns []string
		perSnap int
		row     func(i, n int) []any
	}{
		{"blob", []string{"digest", "size", "sha3_384"}, largeRevisions, g.blob},
		{"snap", []string{"snap_id", "name", "default_track", "details", "signed_at", "import_id"}, 1, g.snap},
		{"snap_revision", []string{"snap_id", "revision", "item", "contents", "blob", "resources", "import_id"}, largeRevisions, g.revision},
		{"channel_map", []string{"snap_id", "architecture", "channel", "revision", "released_at", "signed_at", "import_id"}, largeRevisions, g.release},
		{"channel_history", []string{"snap_id", "architecture", "channel", "revision", "released_at", "signed_at", "import_id"}, largeRevisions, g.release},
		{"snap_home", []string{"snap_id", "store_id", "import_id"}, 1, func(i, _ int) []any { return []any{largeID(i), "", 1} }},
		{"assertion", []string{"type", "primary_key", "format", "revision", "raw"}, largeRevisions + 1, g.assertion},
	} {
		rows := pgx.CopyFromSlice(g.snaps*t.perSnap, func(k int) ([]any, error) { return t.row(k/t.perSnap, k%t.perSnap+1), nil })
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, rows); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	_, err := conn.Exec(ctx, `analyze`)
	return err
}

// random returns the numbers of a part of a snap.
func (g *largeCatalogue) random(i, part int) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(i), uint64(part)))
}

func (g *largeCatalogue) sum(i, n int) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", i, n))
	return sum[:]
}

func (g *largeCatalogue) digest(i, n int) string { return "sha256:" + hex.EncodeToString(g.sum(i, n)) }

func (g *largeCatalogue) sha3(i, n int) string {
	return hex.EncodeToString(append(g.sum(i, n), g.sum(i, -n)[:16]...))
}

func (g *largeCatalogue) blob(i, n int) []any { return []any{g.digest(i, n), 1 << 20, g.sha3(i, n)} }

func (g *largeCatalogue) snap(i, _ int) []any {
	r, name := g.random(i, 0), largeName(i)
	site, license := "https://"+name+".example.com", "GPL-3.0"
	publisher := g.words[r.IntN(len(g.words))]
	d := snap.Details{Title: g.text(r, 2), Summary: g.text(r, 8), Description: g.text(r, 90), Website: &site, License: &license, Media: []snap.Media{},
		Prices: map[string]string{}, Categories: []snap.Category{{Name: []string{"utilities", "games", "development", "art", "security"}[r.IntN(5)]}},
		Publisher: snap.Publisher{ID: fmt.Sprintf("%032x", r.Uint64()), Username: publisher, DisplayName: strings.ToUpper(publisher[:1]) + publisher[1:], Validation: "unproven"}}
	return []any{largeID(i), name, "", mustJSON(d), time.Now(), 1}
}

func (g *largeCatalogue) revision(i, n int) []any {
	r, name, base := g.random(i, 1), largeName(i), "core24"
	var yaml strings.Builder
	fmt.Fprintf(&yaml, "name: %s\nversion: '%d.%d'\nsummary: %s\ndescription: |\n  %s\nbase: core24\nconfinement: strict\ngrade: stable\napps:\n", name, n, i%100, g.text(r, 8), g.text(r, 60))
	var apps []string
	for range 3 {
		app := g.text(r, 1)
		apps = append(apps, app)
		fmt.Fprintf(&yaml, "  %s:\n    command: bin/%s --%s\n    plugs: [network, network-bind, home, desktop, opengl]\n    environment: {PATH: \"$SNAP/%s\"}\n", app, app, g.text(r, 1), g.text(r, 1))
	}
	item := snap.Revision{Architectures: []string{"amd64"}, Base: &base, CommonIDs: []string{}, Confinement: "strict", CreatedAt: "2026-01-02T03:04:05Z",
		Download: snap.Download{Deltas: []snap.Delta{}, SHA3384: g.sha3(i, n), Size: 1 << 20}, Epoch: snap.Epoch{Read: []uint32{0}, Write: []uint32{0}},
		Number: n, SnapYAML: yaml.String(), Type: "app", Version: fmt.Sprintf("%d.%d", n, i%100)}
	return []any{largeID(i), n, mustJSON(item), mustJSON(snap.Contents{Base: base, Apps: apps}), g.digest(i, n), []string{}, 1}
}

// release returns a row of the channel map. The newest revision is in stable.
func (g *largeCatalogue) release(i, n int) []any {
	channels := []string{"latest/edge", "latest/candidate", "latest/stable"}
	return []any{largeID(i), "amd64", channels[n-1], n, fmt.Sprintf("2026-01-%02dT03:04:05Z", i%28+1), time.Now(), 1}
}

// assertion returns the snap-revision of a revision, or the declaration of the snap. Their signatures are random.
func (g *largeCatalogue) assertion(i, n int) []any {
	r, headers, typ, key := g.random(i, 100+n), "", "snap-revision", []string{base64.RawURLEncoding.EncodeToString(append(g.sum(i, n), g.sum(i, -n)[:16]...)), "global-upload"}
	if n > largeRevisions {
		typ, key = "snap-declaration", []string{"16", largeID(i)}
		headers = "series: 16\nsnap-id: " + largeID(i) + "\npublisher-id: " + fmt.Sprintf("%032x", r.Uint64()) + "\nsnap-name: " + largeName(i) + "\n"
	} else {
		headers = fmt.Sprintf("snap-sha3-384: %s\ndeveloper-id: %032x\nsnap-id: %s\nsnap-revision: %d\nsnap-size: %d\n", key[0], r.Uint64(), largeID(i), n, 1<<20)
	}
	signature := make([]byte, 800)
	for j := range signature {
		signature[j] = byte(r.Uint32())
	}
	raw := fmt.Sprintf("type: %s\nauthority-id: canonical\n%stimestamp: 2026-01-02T03:04:05.123456Z\nsign-key-sha3-384: BWDEoaqyr25nF5SNCvEv2v7QnM9QsfCc0PBMYD_i2NGSQ32EF2d4D0hqUel3m8ul\n\n%s\n",
		typ, headers, base64.StdEncoding.EncodeToString(signature))
	return []any{typ, key, 0, 0, []byte(raw)}
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain values always encode
	}
	return text
}
