package conninfo_test

import (
	"testing"

	"offlinestore/instance/conninfo"
)

func TestForCommandLine(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://u:secret@h/db":                                                       "postgres://u@h/db",
		"postgresql://u@a:1,b:2/db?target_session_attrs=read-write":                      "postgresql://u@a:1,b:2/db?target_session_attrs=read-write",
		"postgres://h?password=secret&user=u&pool_max_conns=3":                           "postgres://h?user=u",
		"postgres:///db?host=/run&pass%77ord=secret":                                     "postgres:///db?host=/run",
		`host=h  password='sec\'ret x' user = u`:                                         "host=h user=u",
		`password=secret host=h sslpassword=secret pool_max_conns=1 dbname='a b'`:        "host=h dbname='a b'",
		`host=h passfile=/p sslmode=verify-full default_query_exec_mode=simple_protocol`: "host=h passfile=/p sslmode=verify-full",
	} {
		if got, err := conninfo.ForCommandLine(dsn); err != nil || got != want {
			t.Errorf("ForCommandLine(%q) = %q, %v; want %q", dsn, got, err, want)
		}
	}
	if _, err := conninfo.ForCommandLine("nothing"); err == nil {
		t.Error("something that is no connection string passed")
	}
}

func TestRedactAfterTab(t *testing.T) {
	t.Parallel()
	const v, want = "host=h\tpassword=hunter2\tdbname=db", "host=h\tpassword=***\tdbname=db"
	if got := conninfo.Redact(v, "***"); got != want {
		t.Errorf("Redact(%q) = %q, want %q", v, got, want)
	}
	if got := conninfo.Redact("hunter2", "***"); got != "***" {
		t.Errorf("Redact of no connection = %q, want the mask alone", got)
	}
}
