package admin_test

import (
	"testing"

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
