package admin_test

import (
	"strings"
	"testing"

	"offlinestore/internal/admintest"
	"offlinestore/server/admin"
)

func TestEmails(t *testing.T) {
	t.Parallel()
	for _, email := range []string{"", "jo", "Jo <jo@example.internal>", "jo@example.internal\n", "jo @example.internal", `"jo"@example.internal`, "a@b, c@d"} {
		if got, err := admin.ValidateEmail(email); err == nil {
			t.Errorf("ValidateEmail(%q) = %q, want an error", email, got)
		}
	}
	if got, err := admin.ValidateEmail("Jo@Example.internal"); err != nil || got != "jo@example.internal" {
		t.Errorf("ValidateEmail = %q, %v", got, err)
	}
}

func TestPasswordsAreSalted(t *testing.T) {
	t.Parallel()
	if a, b := admin.HashPassword("correct horse"), admin.HashPassword("correct horse"); a == b {
		t.Errorf("two hashes of a password are the same: %s", a)
	}
	a, err := admin.NewToken("jo@example.internal")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := admin.NewToken("jo@example.internal"); err != nil || a == b || len(a) < 64 {
		t.Errorf("tokens %s and %s, %v", a, b, err)
	}
	if _, err := admin.New(admin.Config{Secret: "short"}); err == nil {
		t.Error("New took a short secret")
	}
}

// TestHashes accepts hashes of other costs, but none that costs more than the present ones.
func TestHashes(t *testing.T) {
	t.Parallel()
	good := admintest.Hash("correct horse")
	for hash, want := range map[string]bool{
		admin.HashPassword("correct horse"):    true,
		good:                                   true,
		admintest.Hash("another"):              false,
		"":                                     false,
		"$$$$$":                                false,
		strings.Replace(good, "t=1", "t=2", 1): false,
		strings.Replace(good, "t=1", "t=0", 1): false,
		strings.Replace(good, "p=1", "p=0", 1): false,
		strings.Replace(good, "m=64", "m=4194304", 1):   false,
		strings.Replace(good, "t=1", "t=4000000000", 1): false,
	} {
		if got := admin.VerifyPassword(t.Context(), hash, "correct horse"); got != want {
			t.Errorf("%q: %v, want %v", hash, got, want)
		}
	}
}
