package instance

import (
	"context"
	"errors"
	"net/http"

	"offlinestore/instance/settings"
	"offlinestore/server/admin/api"
)

// adminName is the name of the administration among the services.
const adminName = "admin"

// AdminKey returns the fingerprint of the key by which administrators recognise this store, or "" before its first start.
func AdminKey(s *settings.Settings) string {
	secret := s.Values().AuthSecret
	if secret == "" {
		return ""
	}
	return api.NewIdentity(secret).Fingerprint()
}

// probe asks a service for its health, and the administration for the proof that it is this store's: any local user can listen on its
// address.
func (e *endpoint) probe(ctx context.Context, c *http.Client) error {
	if e.name != adminName {
		return probe(ctx, c, e.url)
	}
	_, err := api.VerifyIdentity(ctx, c, e.url, e.key)
	var connect *api.ConnectError
	switch {
	case err == nil && e.key == "":
		return &answerError{text: "another program answers there: this store has never served"}
	case errors.As(err, &connect):
		return connect.Err
	case err != nil:
		return &answerError{text: "another program answers there, or the secret was changed since the start: " + err.Error()}
	}
	return nil
}
