package exporter

import (
	"errors"
	"fmt"

	"offlinestore/assertion"
	"offlinestore/charm"
	"offlinestore/wanted"
)

// WantedRequest returns the request for everything in a wanted.yaml. The models of the file have been read. The error may be a
// wanted.FileError.
func WantedRequest(f *wanted.File) (Request, error) {
	req := Request{
		Channels: f.Channels, Architectures: f.Architectures, NoDeps: !wanted.Includes(f.Dependencies), NoIcons: !wanted.Includes(f.Icons), Warnings: f.Warnings,
	}
	for _, s := range f.Snaps {
		req.Packages = append(req.Packages, Package{Name: s.Name, Revision: s.Revision, PushChannel: s.PushChannel, Channels: s.Channels, Architectures: s.Architectures})
	}
	for _, i := range f.Images.List {
		image := ImageRequest{Reference: i.Name, As: i.As, Architectures: i.Architectures, NoReferrers: !wanted.Includes(i.Referrers)}
		if len(image.Architectures) == 0 {
			image.Architectures = f.Architectures
		}
		req.Images = append(req.Images, image)
	}
	for _, v := range f.ValidationSets {
		req.ValidationSets = append(req.ValidationSets, ValidationSet{Account: v.Account, Name: v.Name, Sequence: v.Sequence})
	}
	for _, k := range f.AccountKeys {
		req.AccountKeys = append(req.AccountKeys, AccountKey{Account: k.Account, ID: k.ID})
	}
	for _, s := range f.Stores {
		req.Stores = append(req.Stores, StoreRequest{ID: s.ID, Whole: true, NoSnaps: !wanted.Includes(s.Snaps)})
		for _, key := range s.Keys {
			req.AccountKeys = append(req.AccountKeys, AccountKey{ID: key})
		}
	}
	for _, m := range f.Models {
		if err := req.addModel(&m); err != nil {
			return req, f.ErrorAt(m.Position, err)
		}
	}
	if len(f.Snaps)+len(f.ValidationSets)+len(f.Stores) == 0 && len(f.Models) > 0 {
		req.Architectures = nil
		for _, m := range req.Models {
			req.Architectures = unite(req.Architectures, m.Architectures)
		}
	}
	var err error
	if len(f.Charms)+len(f.Bundles)+len(f.Applications) > 0 {
		req.Charms, err = wantedCharms(f)
	}
	return req, err
}

// addModel adds a model with the validation sets that it names.
func (r *Request) addModel(m *wanted.Model) error {
	a, err := ParseModel([]byte(m.Assertion))
	if err != nil {
		return err
	}
	model, err := a.Model()
	if err != nil {
		return err
	}
	archs := m.Architectures
	switch {
	case model.Architecture == "" && len(archs) == 0:
		return fmt.Errorf("the model %.60q names no architecture: give architectures", model.Name)
	case model.Architecture != "" && len(archs) > 0:
		return fmt.Errorf("the model %.60q is for %.20q: leave out architectures", model.Name, model.Architecture)
	case model.Architecture != "":
		archs = []string{model.Architecture}
	}
	sets, err := ModelSets(model)
	if err != nil {
		return err
	}
	r.Models = append(r.Models, Model{a, archs})
	r.ValidationSets = append(r.ValidationSets, sets...)
	return nil
}

// ModelSets returns the validation sets that a model names.
func ModelSets(m *assertion.Model) (out []ValidationSet, err error) {
	for _, s := range m.Sets {
		text := s.Account + "/" + s.Name
		if s.Sequence != "" {
			text += "=" + s.Sequence
		}
		set, err := ParseValidationSet(text)
		if err != nil {
			return nil, err
		}
		out = append(out, set)
	}
	return out, nil
}

// ParseModel returns the one model in a text of assertions.
func ParseModel(text []byte) (model *assertion.Assertion, err error) {
	list, err := assertion.DecodeAll(text)
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		if a.Type() != "model" {
			continue
		}
		if model != nil {
			return nil, errors.New("several models; give a file for each")
		}
		model = a
	}
	if model == nil {
		return nil, errors.New("no model in it")
	}
	return model, nil
}

// wantedCharms returns the request for the charms and charm bundles of a file.
func wantedCharms(f *wanted.File) (*CharmRequest, error) {
	req := &CharmRequest{
		Applications: f.Applications, Architectures: f.Architectures, ImageArchitectures: f.Images.Architectures,
		NoImages: !wanted.Includes(f.Images.Include), NoReferrers: !wanted.Includes(f.Images.Referrers), NoIcons: !wanted.Includes(f.Icons),
	}
	var err error
	if f.Base != "" {
		if req.Base, err = charm.ParseBase(f.Base); err != nil {
			return nil, err
		}
	}
	for _, b := range f.Bundles {
		for _, c := range orNothing(b.Channels) {
			req.Bundles = append(req.Bundles, CharmBundle{b.Name, c})
		}
	}
	for _, c := range f.Charms {
		apps, err := wantedApplications(&c)
		if err != nil {
			return nil, f.ErrorAt(c.Position, err)
		}
		req.Applications = append(req.Applications, apps...)
	}
	return req, nil
}

// orNothing returns a list, or one with an empty text in place of an empty list.
func orNothing(list []string) []string {
	if len(list) == 0 {
		return []string{""}
	}
	return list
}

// wantedApplications returns an application for each channel and base of a charm.
func wantedApplications(c *wanted.Charm) (out []charm.Application, err error) {
	app := charm.Application{Name: c.Name, Charm: c.Name, Architectures: c.Architectures}
	if c.Revision > 0 {
		app.Revision = &c.Revision
	}
	for name, r := range c.Resources {
		if app.Resources == nil {
			app.Resources = make(map[string]charm.ResourceValue)
		}
		v := charm.ResourceValue{Image: r.Image}
		if r.Revision > 0 {
			v.Revision = &r.Revision
		}
		app.Resources[name] = v
	}
	for _, app.Channel = range orNothing(c.Channels) {
		for _, base := range orNothing(c.Bases) {
			app.Base = charm.Base{}
			if base != "" {
				if app.Base, err = charm.ParseBase(base); err != nil {
					return nil, err
				}
			}
			out = append(out, app)
		}
	}
	return out, nil
}
