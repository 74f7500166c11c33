package gateway

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"time"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/registrar"
	"offlinestore/server/gateway/api"
)

const (
	// keyTime bounds the time in which a slow token makes a key, and signTime the time in which it signs.
	keyTime  = 15 * time.Minute
	signTime = 3 * time.Minute
	// endTime bounds the time in which the outcome is noted.
	endTime = 10 * time.Second
	// maxMaking is the number of keys that are made at once.
	maxMaking = 2
)

// validKeyName matches the names of keys that snapd accepts in an account-key-request.
var validKeyName = regexp.MustCompile(`^(?:[a-z0-9]+-?)*[a-z](?:-?[a-z0-9])*$`)

const maxKeyName = 64

func describeKey(k catalog.SigningKey) api.SigningKey {
	out := api.SigningKey{BrandAccountID: k.BrandID, CreatedAt: k.CreatedAt.UTC(), CreatedBy: person(k.CreatedBy), Fingerprint: k.Fingerprint,
		Name: k.Name, SHA3384: k.ID, Registered: k.Registered}
	out.ModifiedAt, out.ModifiedBy = modification(k.Stamp)
	return out
}

func (g *gateway) keys(r *request) (any, error) {
	list, err := g.Store.SigningKeys(r.Context(), r.PathValue("brand"))
	if err != nil {
		return nil, err
	}
	out := []api.SigningKey{}
	for _, k := range list {
		out = append(out, describeKey(k))
	}
	return out, nil
}

// requireToken returns an error if the store has no token.
func (g *gateway) requireToken() error {
	if g.Token == nil {
		return &requestError{http.StatusConflict, api.CodeNoToken, "this store has no token for keys: proxy.hsm.token-label and proxy.hsm.token-pin name one"}
	}
	return nil
}

// patience makes the connection wait for a slow token, longer than for other answers.
func (r *request) patience(limit time.Duration) {
	c := http.NewResponseController(r.w)
	until := time.Now().Add(limit + time.Minute)
	_ = c.SetReadDeadline(until) // without a connection, as in tests, nothing limits the time
	_ = c.SetWriteDeadline(until)
}

// addKey makes a key on the token. A client that has gone does not lose it: the key gets its row all the same.
func (g *gateway) addKey(r *request) (any, error) {
	var req api.CreateSigningKeyRequest
	if err := r.read(&req); err != nil {
		return nil, err
	}
	if len(req.Name) > maxKeyName || !validKeyName.MatchString(req.Name) {
		return nil, badRequest("the name of a key has at most 64 lower-case letters, at least one, digits, and single dashes between them")
	}
	if err := g.requireToken(); err != nil {
		return nil, err
	}
	if err := g.begin(req.Name); err != nil {
		return nil, err
	}
	defer g.end(req.Name)
	r.patience(keyTime)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), keyTime)
	defer cancel()
	k, err := g.makeKey(ctx, r.login.Email, r.PathValue("brand"), req.Name)
	if err != nil {
		return nil, err
	}
	return created{describeKey(*k)}, nil
}

// begin notes that a key is being made, or deleted. It refuses a second one of the name, and too many at once: devices need the token, too.
func (g *gateway) begin(name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.making[name]:
		return &requestError{http.StatusConflict, api.CodeBusy, "a key of this name is being made or deleted"}
	case len(g.making) >= maxMaking:
		return &requestError{http.StatusServiceUnavailable, api.CodeBusy, "other keys are being made: ask again later"}
	}
	g.making[name] = true
	return nil
}

func (g *gateway) end(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.making, name)
}

func (g *gateway) makeKey(ctx context.Context, by, brand, name string) (*catalog.SigningKey, error) {
	if err := g.Store.RequireFreeKeyName(ctx, brand, name); err != nil {
		return nil, err
	}
	if err := g.beginOnToken(ctx, brand, name); err != nil {
		return nil, err
	}
	made, err := g.Token.Generate(ctx, name)
	if errors.Is(err, registrar.ErrKeyExists) {
		made, err = g.findKey(ctx, name)
	}
	if err != nil {
		return nil, err
	}
	signing, err := g.signingKey(ctx, made.ID)
	if err != nil {
		return nil, err
	}
	k := catalog.SigningKey{ID: made.ID, BrandID: brand, Name: name, Fingerprint: signing.Fingerprint()}
	if err := g.Store.AddSigningKey(ctx, by, k); err != nil {
		return nil, err
	}
	return g.Store.SigningKey(ctx, brand, made.ID)
}

// beginOnToken notes that the store makes a key for a brand. It refuses a name that another key on the token has, which somebody else has made
// for another purpose.
func (g *gateway) beginOnToken(ctx context.Context, brand, name string) error {
	begun, err := g.Store.SigningKeyBegun(ctx, brand, name)
	if err != nil || begun {
		return err
	}
	list, err := g.Token.Keys(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(list, func(k registrar.TokenKey) bool { return k.Name == name }) {
		return &requestError{http.StatusConflict, api.CodeExists, "the token has a key " + name + " that this store has not made for this brand: take another name"}
	}
	return g.Store.BeginSigningKey(ctx, brand, name)
}

// findKey returns a key that the store has begun to make. It is on the token and has no row if its making was interrupted.
func (g *gateway) findKey(ctx context.Context, name string) (registrar.TokenKey, error) {
	list, err := g.Token.Keys(ctx)
	if err != nil {
		return registrar.TokenKey{}, err
	}
	list = slices.DeleteFunc(list, func(k registrar.TokenKey) bool { return k.Name != name })
	switch len(list) {
	case 0:
		return registrar.TokenKey{}, registrar.ErrKeyExists
	case 1:
		return list[0], nil
	}
	return registrar.TokenKey{}, errSeveralKeys
}

// errSeveralKeys reports a name that does not tell which key is meant.
var errSeveralKeys = &requestError{http.StatusConflict, api.CodeExists, "the token has several keys of this name: take another name"}

// signingKey returns a key on the token, ready to sign.
func (g *gateway) signingKey(ctx context.Context, id string) (*assertion.SigningKey, error) {
	signer, err := g.Token.Signer(ctx, id)
	if err != nil {
		return nil, err
	}
	return assertion.NewSigningKey(signer)
}

// removeKey forgets a key that no policy uses, and then deletes it from the token. If the token fails, a request to make a key of the name
// finds it again.
func (g *gateway) removeKey(r *request) (any, error) {
	if err := g.requireToken(); err != nil {
		return nil, err
	}
	r.patience(signTime)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), signTime)
	defer cancel()
	if err := g.Token.Check(ctx); err != nil {
		return nil, err
	}
	brand, id := r.PathValue("brand"), r.PathValue("key")
	k, err := g.Store.SigningKey(ctx, brand, id)
	if err != nil {
		return nil, err
	}
	// Until the key is off the token, nobody may take it for one of the name that is still to be made.
	if err := g.begin(k.Name); err != nil {
		return nil, err
	}
	defer g.end(k.Name)
	if err := g.Store.RemoveSigningKey(ctx, brand, id, signTime+time.Minute); err != nil {
		return nil, err
	}
	if err = g.Token.Delete(ctx, id); errors.Is(err, registrar.ErrNoKey) {
		err = nil
	}
	if err != nil {
		g.Logger.Error("a key that was removed stays on the token", "key", id, "err", err)
	}
	// The time for the token may be over.
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	return nil, errors.Join(err, g.Store.EndSigningKey(ctx, brand, k.Name, err != nil))
}

// keyRequest returns the account-key-request of a key, signed by the key itself, as the Snap Store wants it.
func (g *gateway) keyRequest(r *request) (any, error) {
	if err := g.requireToken(); err != nil {
		return nil, err
	}
	k, err := g.Store.SigningKey(r.Context(), r.PathValue("brand"), r.PathValue("key"))
	if err != nil {
		return nil, err
	}
	r.patience(signTime)
	ctx, cancel := context.WithTimeout(r.Context(), signTime)
	defer cancel()
	signing, err := g.signingKey(ctx, k.ID)
	if err != nil {
		return nil, err
	}
	a, err := assertion.Sign(map[string]any{
		"type": "account-key-request", "account-id": k.BrandID, "name": k.Name, "public-key-sha3-384": k.ID,
		"since": g.Now().UTC().Format(time.RFC3339),
	}, signing.PublicKeyBody(), signing)
	if err != nil {
		return nil, err
	}
	return document{"application/x.ubuntu.assertion", a.Raw()}, nil
}
