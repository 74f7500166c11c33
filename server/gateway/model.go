package gateway

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"

	"offlinestore/catalog"
	"offlinestore/server/gateway/api"
)

// The names of models are as snapd accepts them in assertions, and API keys are alphanumeric as in the original. A limit in an expression
// would cost milliseconds at each start.
var (
	validModel  = regexp.MustCompile(`^[a-z0-9](?:-?[a-z0-9])*$`)
	validAPIKey = regexp.MustCompile(`^[a-zA-Z0-9]+$`)
)

const (
	maxModel  = 128
	maxAPIKey = 256
)

func validateModel(name string) error {
	if len(name) > maxModel || !validModel.MatchString(name) {
		return badRequest("the name of a model has at most 128 lower-case letters, digits and single dashes between them")
	}
	return nil
}

// apiKeyOf returns the API key of a request, empty for null.
func apiKeyOf(key *string) (string, error) {
	if key == nil {
		return "", nil
	}
	if len(*key) > maxAPIKey || !validAPIKey.MatchString(*key) {
		return "", badRequest("an api-key has 1 to 256 letters and digits; null is for devices that need none")
	}
	return *key, nil
}

func (g *gateway) models(r *request) (any, error) {
	list, err := g.Store.DeviceModels(r.Context(), r.PathValue("brand"))
	if err != nil {
		return nil, err
	}
	out := []api.Model{}
	for _, m := range list {
		out = append(out, r.describeModel(m))
	}
	return out, nil
}

// describeModel returns a model as the login may see it.
func (r *request) describeModel(m catalog.DeviceModel) api.Model {
	out := api.Model{BrandAccountID: m.BrandID, CreatedAt: m.CreatedAt.UTC(), CreatedBy: person(m.CreatedBy), Name: m.Name, Series: m.Series,
		APIKeySet: m.APIKey != "", ActiveSigningKey: optional(m.KeyID)}
	out.ModifiedAt, out.ModifiedBy = modification(m.Stamp)
	if slices.Contains(r.login.Roles, catalog.RoleModelAdministrator) {
		out.APIKey = optional(m.APIKey)
	}
	return out
}

func (g *gateway) describeNamedModel(r *request, name string) (any, error) {
	m, err := g.Store.DeviceModel(r.Context(), r.PathValue("brand"), name)
	if err != nil {
		return nil, err
	}
	return r.describeModel(*m), nil
}

func (g *gateway) addModel(r *request) (any, error) {
	var req api.CreateModelRequest
	if err := r.read(&req); err != nil {
		return nil, err
	}
	if err := validateModel(req.Name); err != nil {
		return nil, err
	}
	if req.Series != api.Series {
		return nil, badRequest(`the series must be "16"`)
	}
	key, err := apiKeyOf(req.APIKey)
	if err != nil {
		return nil, err
	}
	m := catalog.DeviceModel{BrandID: r.PathValue("brand"), Name: req.Name, Series: req.Series, APIKey: key}
	if err := g.Store.AddDeviceModel(r.Context(), r.login.Email, m); err != nil {
		return nil, err
	}
	out, err := g.describeNamedModel(r, req.Name)
	return created{out}, err
}

func (g *gateway) changeModel(r *request) (any, error) {
	var req struct {
		APIKey json.RawMessage `json:"api-key"`
	}
	if err := r.read(&req); err != nil {
		return nil, err
	}
	var given *string
	// Null removes the key, and a missing member is a mistake.
	if req.APIKey == nil || json.Unmarshal(req.APIKey, &given) != nil {
		return nil, badRequest("api-key is required: a text, or null")
	}
	key, err := apiKeyOf(given)
	if err != nil {
		return nil, err
	}
	name := r.PathValue("model")
	if err := g.Store.SetAPIKey(r.Context(), r.login.Email, r.PathValue("brand"), name, key); err != nil {
		return nil, err
	}
	return g.describeNamedModel(r, name)
}

func (g *gateway) removeModel(r *request) (any, error) {
	return nil, g.Store.RemoveDeviceModel(r.Context(), r.PathValue("brand"), r.PathValue("model"))
}

func describePolicy(p catalog.SerialPolicy) api.SerialPolicy {
	return api.SerialPolicy{Authority: p.AuthorityID, CreatedAt: p.CreatedAt.UTC(), CreatedBy: person(p.CreatedBy), ModelName: p.Model,
		Revision: p.Revision, SigningKey: p.KeyID, Registered: p.Registered}
}

func (g *gateway) policies(r *request) (any, error) {
	list, err := g.Store.SerialPolicies(r.Context(), r.PathValue("brand"), r.PathValue("model"))
	if err != nil {
		return nil, err
	}
	out := []api.SerialPolicy{}
	for _, p := range list {
		out = append(out, describePolicy(p))
	}
	return out, nil
}

func (g *gateway) addPolicy(r *request) (any, error) {
	var req api.CreateSerialPolicyRequest
	if err := r.read(&req); err != nil {
		return nil, err
	}
	if req.SigningKey == "" {
		return nil, badRequest("signing-key-sha3-384 is required")
	}
	p, err := g.Store.AddSerialPolicy(r.Context(), r.login.Email, r.PathValue("brand"), r.PathValue("model"), req.SigningKey)
	if err != nil {
		return nil, err
	}
	return created{describePolicy(*p)}, nil
}

func (g *gateway) removePolicy(r *request) (any, error) {
	revision, err := strconv.ParseInt(r.PathValue("revision"), 10, 32)
	if err != nil {
		return nil, catalog.ErrNoPolicy
	}
	return nil, g.Store.RemoveSerialPolicy(r.Context(), r.PathValue("brand"), r.PathValue("model"), int(revision))
}
