package settings_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"offlinestore/instance/conninfo"
	"offlinestore/instance/settings"
)

func TestWithPassword(t *testing.T) {
	t.Parallel()
	const password = `p:w/ @%'\?#&+ü`
	for _, c := range []string{
		"postgres://store@h:5432/db", "postgresql://store@h", "postgres://store:@h/db", "postgres://store@h1:5432,h2:5433/db?target_session_attrs=read-write",
		"postgres://store@[fd00::1]:5432,[fd00::2]:5433/db", "postgres:///db?host=/run/postgresql&user=store", "postgres://h/db?user=store",
		"postgres://@h/db?user=store", "host=h user=store", "host=h1,h2 user='store' ",
	} {
		with := conninfo.WithPassword(c, password)
		cfg, err := pgconn.ParseConfig(with)
		if err != nil {
			t.Errorf("%s: pgx doesn't take %s: %v", c, with, err)
			continue
		}
		if cfg.User != "store" || cfg.Password != password {
			t.Errorf("%s: pgx reads %q and %q in %s", c, cfg.User, cfg.Password, with)
		}
		s := open(t, filepath.Join(t.TempDir(), "settings.yaml"))
		set(t, s, map[string]string{settings.DBConnection: with})
		if conninfo.LacksPassword(with) {
			t.Errorf("LacksPassword(%s)", with)
		}
	}
}

func TestLacksPassword(t *testing.T) {
	t.Parallel()
	for c, want := range map[string]bool{
		"postgres://u@h/db": true, "postgres://u@h1,h2:5433/db": true, "postgres://h/db": true, "host=h": true,
		"postgres://u:p@h/db": false, "postgres://u@h/db?password=p": false, "postgres://u@h/db?passfile=/x": false, "postgres://?service=x": false,
		"host=h password=p": false, "host=h PASSFILE=x": false, "postgres://u@h/db?sslmode=verify-full&sslcert=c&sslkey=k": false, "nothing": false, "": false,
	} {
		if got := conninfo.LacksPassword(c); got != want {
			t.Errorf("LacksPassword(%q) = %v, want %v", c, got, want)
		}
	}
}

// FuzzWithPassword gives a password to connections that lack one, and checks that pgx reads it and that no listing shows it.
func FuzzWithPassword(f *testing.F) {
	for _, c := range []string{
		"postgres://store@h:5432/db", "postgresql://h1:1,h2/db?user=u&target_session_attrs=any", "postgres://u@[::1]:5432,[::2]/db", "postgres:///db?host=/run",
		"host=h user=store", "host = 'a b' user='\\'' ", "postgres://u:@h", "postgres://h?application_name=a+b",
	} {
		f.Add(c)
	}
	const password = "hunter2 '\\@/:%"
	f.Fuzz(func(t *testing.T, c string) {
		if settings.Validate(settings.DBConnection, c) != nil || !conninfo.LacksPassword(c) {
			return
		}
		with := conninfo.WithPassword(c, password)
		if err := settings.Validate(settings.DBConnection, with); err != nil {
			t.Fatalf("WithPassword(%q) = %q: %v", c, with, err)
		}
		if shown := settings.Redact(settings.DBConnection, with); strings.Contains(shown, "hunter2") {
			t.Errorf("%q is shown as %q", with, shown)
		}
		if _, err := pgconn.ParseConfig(c); err != nil {
			return
		}
		cfg, err := pgconn.ParseConfig(with)
		if err != nil {
			t.Fatalf("pgx takes %q, but not %q: %v", c, with, err)
		}
		if cfg.Password != password {
			t.Errorf("pgx reads the password %q in %q", cfg.Password, with)
		}
	})
}
