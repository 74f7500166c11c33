package admin

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"offlinestore/server/admin/api"
)

// proveIdentity proves that this store has its key, so that clients know whom they give a password.
func (s *Server) proveIdentity(w http.ResponseWriter, r *http.Request) {
	var req api.IdentityRequest
	if !s.readJSON(w, r, maxLogin, &req) {
		return
	}
	at, refusal := s.location(r)
	if refusal != nil {
		s.refuse(w, r, refusal)
		return
	}
	answer, err := s.identity.Prove(at, req)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, err.Error())
		return
	}
	s.answer(w, http.StatusOK, answer)
}

// peerKey is the key of the client of a socket in a context.
type peerKey struct{}

// withPeer adds to the context of a connection through a socket which user is at its other end. The kernel knows that.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return ctx
	}
	name := "an unknown user"
	if uid, err := api.PeerUser(c); err == nil {
		name = fmt.Sprintf("user %d", uid)
	}
	return context.WithValue(ctx, peerKey{}, name)
}
