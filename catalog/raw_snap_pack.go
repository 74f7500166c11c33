package catalog

import (
	"encoding/binary"
	"errors"
	"unique"

	"github.com/opencontainers/go-digest"

	"offlinestore/snap"
)

// errPacked reports bytes that AppendTo has not made.
var errPacked = errors.New("the packed snap is damaged")

// AppendTo appends the snap in a form that UnpackSnap reads.
func (r *RawSnap) AppendTo(dst []byte) []byte {
	p := packer{dst}
	p.texts(r.SnapID, r.Name, r.DefaultTrack, r.Store)
	if r.Icon != nil {
		p.number(1)
		p.texts(r.Icon.Blob.String(), r.Icon.MediaType)
		p.number(r.Icon.Size)
	} else {
		p.number(0)
	}
	p.bytes(r.Details)
	p.number(int64(len(r.Revisions)))
	for i := range r.Revisions {
		p.revision(&r.Revisions[i])
	}
	for _, list := range [][]snap.Release{r.ChannelMap, r.Overrides} {
		p.number(int64(len(list)))
		for _, e := range list {
			p.release(e)
		}
	}
	for _, list := range [][]Event{r.History, r.Overridden} {
		p.number(int64(len(list)))
		for _, e := range list {
			p.release(e.Release)
			p.number(e.ID)
		}
	}
	if r.Hold != nil {
		p.number(1)
		p.number(r.Hold.Import)
		p.bytes(r.Hold.Rows)
		return p.dst
	}
	p.number(0)
	return p.dst
}

// packer appends values to a packed snap.
type packer struct{ dst []byte }

func (p *packer) number(n int64) { p.dst = binary.AppendVarint(p.dst, n) }

func (p *packer) bytes(b []byte) {
	p.number(int64(len(b)))
	p.dst = append(p.dst, b...)
}

func (p *packer) texts(list ...string) {
	for _, s := range list {
		p.number(int64(len(s)))
		p.dst = append(p.dst, s...)
	}
}

func (p *packer) release(r snap.Release) {
	p.texts(r.Architecture, r.Channel, r.ReleasedAt)
	p.number(int64(r.Revision))
}

func (p *packer) revision(r *RawRevision) {
	p.number(int64(r.Number))
	p.bytes(r.Item)
	p.bytes(r.Contents)
	p.texts(r.Blob.String())
	p.number(int64(len(r.Resources)))
	for _, d := range r.Resources {
		p.texts(d.String())
	}
	p.number(int64(len(r.Components)))
	for _, c := range r.Components {
		p.texts(c.Name, c.Blob.String())
		p.number(int64(c.Revision))
		p.number(c.Size)
		p.bytes(c.Item)
	}
}

// UnpackSnap returns the snap that AppendTo has packed. Its texts in JSON are parts of packed.
func UnpackSnap(packed []byte) (*RawSnap, error) {
	u := unpacker{rest: packed}
	r := &RawSnap{SnapID: u.text(), Name: u.text(), DefaultTrack: u.text(), Store: u.text()}
	if u.number() == 1 {
		r.Icon = &Icon{Blob: digest.Digest(u.text()), MediaType: u.common(), Size: u.number()}
	}
	r.Details = u.bytes()
	r.Revisions = make([]RawRevision, u.count())
	for i := range r.Revisions {
		r.Revisions[i] = u.revision()
	}
	for _, list := range []*[]snap.Release{&r.ChannelMap, &r.Overrides} {
		for range u.count() {
			*list = append(*list, u.release())
		}
	}
	for _, list := range []*[]Event{&r.History, &r.Overridden} {
		for range u.count() {
			*list = append(*list, Event{u.release(), u.number()})
		}
	}
	if u.number() == 1 {
		r.Hold = &RawHold{Import: u.number(), Rows: u.bytes()}
	}
	if u.isBad || len(u.rest) > 0 {
		return nil, errPacked
	}
	return r, nil
}

// unpacker takes values from a packed snap. After a fault it returns zero values.
type unpacker struct {
	rest  []byte
	isBad bool
}

func (u *unpacker) number() int64 {
	n, size := binary.Varint(u.rest)
	if size <= 0 {
		u.rest, u.isBad = nil, true
		return 0
	}
	u.rest = u.rest[size:]
	return n
}

// count returns the length of a list, each of whose elements takes a byte at least.
func (u *unpacker) count() int {
	n := u.number()
	if n < 0 || n > int64(len(u.rest)) {
		u.rest, u.isBad = nil, true
		return 0
	}
	return int(n)
}

func (u *unpacker) bytes() []byte {
	n := u.count()
	b := u.rest[:n:n]
	u.rest = u.rest[n:]
	return b
}

func (u *unpacker) text() string { return string(u.bytes()) }

// common returns a text that many snaps share.
func (u *unpacker) common() string { return unique.Make(u.text()).Value() }

func (u *unpacker) release() snap.Release {
	return snap.Release{Architecture: u.common(), Channel: u.common(), ReleasedAt: u.text(), Revision: int(u.number())}
}

func (u *unpacker) revision() RawRevision {
	r := RawRevision{Number: int(u.number()), Item: u.bytes(), Contents: u.bytes(), Blob: digest.Digest(u.text())}
	for range u.count() {
		r.Resources = append(r.Resources, digest.Digest(u.text()))
	}
	for range u.count() {
		c := RawComponent{ComponentFile: ComponentFile{Name: u.text(), Blob: digest.Digest(u.text()), Revision: int(u.number()), Size: u.number()}}
		c.Item = u.bytes()
		r.Components = append(r.Components, c)
	}
	return r
}
