package assertion_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/internal/vectortest"
)

// TestVectors reads the streams in testdata and compares the results with the index.
func TestVectors(t *testing.T) {
	t.Parallel()
	index := vectortest.Load(t)
	trust := index.Trust(t)
	seen := make(map[string]bool)
	for _, v := range index.Assertions {
		seen[v.Result] = true
		at, err := time.Parse(time.RFC3339, v.Time)
		if err != nil {
			t.Fatalf("%s: %v", v.Path, err)
		}
		if err := verifyVector(t, v.Path, trust, at); vectorResult(err) != v.Result {
			t.Errorf("%s: got %q (%v), want %q", v.Path, vectorResult(err), err, v.Result)
		}
	}
	for _, result := range vectortest.AssertionResults() {
		if !seen[result] {
			t.Errorf("no vector has the result %s", result)
		}
	}
}

func verifyVector(t *testing.T, path string, trust *assertion.Trust, at time.Time) error {
	t.Helper()
	raw, err := os.ReadFile(vectortest.File(path))
	if err != nil {
		t.Fatal(err)
	}
	all, err := assertion.DecodeAll(raw)
	if err != nil {
		return err
	}
	v := &assertion.Verifier{Trust: trust, Source: assertion.NewSet(all...), Time: at}
	for _, a := range all {
		if err := v.Verify(a); err != nil {
			return err
		}
	}
	return nil
}

// vectorResult returns the result that err stands for.
func vectorResult(err error) string {
	var malformed *assertion.FormatError
	var missing *assertion.MissingError
	for _, r := range []struct {
		is     bool
		result string
	}{
		{err == nil, vectortest.Valid},
		{errors.As(err, &malformed), vectortest.Malformed},
		{errors.As(err, &missing), vectortest.Missing},
		{errors.Is(err, assertion.ErrUntrustedRoot), vectortest.UntrustedRoot},
		{errors.Is(err, assertion.ErrBadSignature), vectortest.BadSignature},
		{errors.Is(err, assertion.ErrExpiredKey), vectortest.ExpiredKey},
		{errors.Is(err, assertion.ErrKeyNotYetValid), vectortest.KeyNotYetValid},
		{errors.Is(err, assertion.ErrWrongAuthority), vectortest.WrongAuthority},
		{errors.Is(err, assertion.ErrConstraints), vectortest.Constraints},
		{errors.Is(err, assertion.ErrUnsupported), vectortest.Unsupported},
	} {
		if r.is {
			return r.result
		}
	}
	return err.Error()
}
