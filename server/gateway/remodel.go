package gateway

import (
	"context"
	"strings"
	"unicode/utf8"

	"offlinestore/catalog"
	"offlinestore/server/gateway/api"
)

const (
	// maxRemodels bounds the entries that one request changes.
	maxRemodels    = 500
	maxKeyPart     = 256
	maxDescription = 1000
)

func (g *gateway) remodels(r *request) (any, error) {
	q := r.URL.Query()
	size, err := pageSize(q)
	if err != nil {
		return nil, err
	}
	after, err := cursorOf(q, 3)
	if err != nil {
		return nil, err
	}
	list, err := g.Store.Remodels(r.Context(), catalog.RemodelQuery{BrandID: r.PathValue("brand"), FromModel: q.Get("from-model"), ToModel: q.Get("to-model"),
		After: catalog.Remodel{FromModel: after[0], ToModel: after[1], FromSerial: after[2]}, Limit: size + 1})
	if err != nil {
		return nil, err
	}
	var next *string
	if len(list) > size {
		list = list[:size]
		last := list[size-1]
		next = newCursor(last.FromModel, last.ToModel, last.FromSerial)
	}
	out := describeRemodels(list)
	out.NextCursor = next
	return out, nil
}

func describeRemodels(list []catalog.Remodel) api.RemodelAllowlist {
	out := api.RemodelAllowlist{Allowlist: []api.Remodel{}}
	for _, r := range list {
		created := r.CreatedAt.UTC()
		m := api.Remodel{FromModel: r.FromModel, ToModel: r.ToModel, FromSerial: optional(r.FromSerial), Description: r.Description,
			CreatedAt: &created, CreatedBy: r.CreatedBy}
		if r.Modified() {
			at := r.ModifiedAt.UTC()
			m.ModifiedAt, m.ModifiedBy = &at, &r.ModifiedBy
		}
		out.Allowlist = append(out.Allowlist, m)
	}
	return out
}

// readRemodels reads the entries of a request.
func (r *request) readRemodels() ([]catalog.Remodel, error) {
	var req api.RemodelRequest
	if err := r.read(&req); err != nil {
		return nil, err
	}
	if len(req.Allowlist) == 0 || len(req.Allowlist) > maxRemodels {
		return nil, badRequest("the allowlist of a request has 1 to 500 entries")
	}
	var list []catalog.Remodel
	for _, e := range req.Allowlist {
		if err := validateRemodel(e); err != nil {
			return nil, err
		}
		m := catalog.Remodel{FromModel: e.FromModel, ToModel: e.ToModel, Description: e.Description}
		if e.FromSerial != nil {
			m.FromSerial = *e.FromSerial
		}
		list = append(list, m)
	}
	return list, nil
}

func validateRemodel(e api.RemodelEntry) error {
	for _, name := range []string{e.FromModel, e.ToModel} {
		if err := validateModel(name); err != nil {
			return err
		}
	}
	switch {
	case e.FromModel == e.ToModel:
		return badRequest("from-model and to-model are the same: a device needs no new serial then")
	case e.FromSerial != nil && !isPrimaryKey(*e.FromSerial):
		return badRequest("from-serial is the serial of a device, or null for all devices of the model")
	case len(e.Description) > maxDescription:
		return badRequest("a description has at most 1000 bytes")
	}
	return nil
}

// isPrimaryKey reports whether a text can be a part of the primary key of an assertion, as an account or a serial is.
func isPrimaryKey(s string) bool {
	return s != "" && len(s) <= maxKeyPart && utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == '/' || c == 0x7f })
}

func (g *gateway) addRemodels(r *request) (any, error) {
	out, err := r.change(func(ctx context.Context, brand string, list []catalog.Remodel) ([]catalog.Remodel, error) {
		return g.Store.AddRemodels(ctx, r.login.Email, brand, list)
	})
	return created{out}, err
}

func (g *gateway) changeRemodels(r *request) (any, error) {
	return r.change(func(ctx context.Context, brand string, list []catalog.Remodel) ([]catalog.Remodel, error) {
		return g.Store.DescribeRemodels(ctx, r.login.Email, brand, list)
	})
}

func (g *gateway) removeRemodels(r *request) (any, error) { return r.change(g.Store.RemoveRemodels) }

// change makes a change of the entries in the body, and returns them.
func (r *request) change(f func(context.Context, string, []catalog.Remodel) ([]catalog.Remodel, error)) (any, error) {
	list, err := r.readRemodels()
	if err != nil {
		return nil, err
	}
	if list, err = f(r.Context(), r.PathValue("brand"), list); err != nil {
		return nil, err
	}
	return describeRemodels(list), nil
}
