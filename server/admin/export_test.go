package admin

import "context"

// VerifyPassword compares a password with a hash, as a login does.
func VerifyPassword(ctx context.Context, hash, password string) bool {
	s := &Server{hashing: make(chan struct{}, 1)}
	ok, err := s.verifyPassword(ctx, hash, password)
	return ok && err == nil
}
