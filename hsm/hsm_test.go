//go:build cgo

package hsm_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha512"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"offlinestore/assertion"
	"offlinestore/hsm"
	"offlinestore/internal/hsmtest"
)

var tokens *hsmtest.HSM

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	h, err := hsmtest.New()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer h.Close()
	tokens = h
	hsm.LookAtOnce()
	return m.Run()
}

func options(label string) hsm.Options {
	return hsm.Options{Module: tokens.Module, Token: hsm.URI{Token: label, SlotID: -1, PINValue: hsmtest.PIN}}
}

func open(t *testing.T, o hsm.Options) *hsm.Token {
	t.Helper()
	tok, err := hsm.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tok.Close(); err != nil {
			t.Error(err)
		}
	})
	return tok
}

func sign(t *testing.T, k *hsm.Key) error {
	t.Helper()
	digest := sha512.Sum512([]byte(t.Name()))
	sig, err := k.SignContext(t.Context(), digest[:], crypto.SHA512)
	if err != nil {
		return err
	}
	return rsa.VerifyPKCS1v15(k.Public().(*rsa.PublicKey), crypto.SHA512, digest[:], sig)
}

// TestKeys makes keys on a token, uses them, and lets other programs look at the token.
func TestKeys(t *testing.T) {
	tokens.AddToken(t, "keys")
	tok := open(t, options("keys"))
	ctx := t.Context()
	bits := hsm.DefaultBits
	if testing.Short() {
		bits = hsm.SmallBits // a token needs seconds for a large key
	}
	first, err := tok.Generate(ctx, "pump", bits)
	if err != nil {
		t.Fatal(err)
	}
	second, err := tok.Generate(ctx, "valve.2", hsm.SmallBits)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tok.Generate(ctx, "pump", hsm.SmallBits); !errors.Is(err, hsm.ErrKeyExists) {
		t.Errorf("Generate of a second pump = %v, want ErrKeyExists", err)
	}
	for _, name := range []string{"", "a b", "-x", "ü", strings.Repeat("a", 65), "a\nb"} {
		if _, err := tok.Generate(ctx, name, hsm.SmallBits); !errors.Is(err, hsm.ErrName) {
			t.Errorf("Generate of %q = %v, want ErrName", name, err)
		}
	}
	if _, err := tok.Generate(ctx, "weak", 1024); err == nil {
		t.Error("Generate makes a key of 1024 bits")
	}
	if n := first.Public().(*rsa.PublicKey).N.BitLen(); n != bits {
		t.Errorf("the first key has %d bits", n)
	}
	for _, want := range []*hsm.Key{first, second} {
		for _, name := range []string{want.Label, want.ID} {
			if k, err := tok.Find(ctx, name); err != nil || k.ID != want.ID || k.Label != want.Label {
				t.Errorf("Find(%s) = %v, %v", name, k, err)
			}
		}
		u, err := hsm.ParseURI(want.URI().String())
		if err != nil {
			t.Fatal(err)
		}
		if k, err := tok.FindURI(ctx, u); err != nil || k.ID != want.ID {
			t.Errorf("FindURI(%s) = %v, %v", u, k, err)
		}
		if err := sign(t, want); err != nil {
			t.Errorf("signature of %s: %v", want.Label, err)
		}
	}
	signsAssertions(t, first)
	isOnToken(t, first)
	if h := tok.Health(); h.Err != nil || h.Opened != 1 {
		t.Errorf("Health = %+v, want one opening and no error", h)
	}
	if err := tok.Delete(ctx, first); err != nil {
		t.Fatal(err)
	}
	if err := sign(t, first); !errors.Is(err, hsm.ErrNoKey) {
		t.Errorf("signature of a deleted key: %v, want ErrNoKey", err)
	}
	keys, err := tok.Keys(ctx)
	if err != nil || len(keys) != 1 || keys[0].ID != second.ID {
		t.Errorf("Keys = %v, %v; want the second one alone", keys, err)
	}
	if out := hsmtest.Run(t, "pkcs11-tool", "--module", tokens.Module, "--token-label", "keys", "--login", "--pin", hsmtest.PIN, "--list-objects"); strings.Contains(out, "pump") {
		t.Errorf("pkcs11-tool still finds the deleted key:\n%s", out)
	}
}

// signsAssertions checks that package assertion verifies the signatures of a key on a token.
func signsAssertions(t *testing.T, k *hsm.Key) {
	t.Helper()
	key, err := assertion.NewSigningKey(k)
	if err != nil {
		t.Fatal(err)
	}
	if key.KeyID() != k.ID {
		t.Errorf("the key's ID is %s, and assertions name %s", k.ID, key.KeyID())
	}
	a, err := assertion.Sign(map[string]any{
		"type": "device-session-request", "brand-id": "acme", "model": "pump", "serial": "1", "nonce": "n", "timestamp": "2024-02-03T04:05:06Z",
	}, nil, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := assertion.VerifyDeviceSignature(a, k.Public().(*rsa.PublicKey)); err != nil {
		t.Errorf("the signature of an assertion: %v", err)
	}
}

// isOnToken lets OpenSC and GnuTLS find the key, which must not leave the token.
func isOnToken(t *testing.T, k *hsm.Key) {
	t.Helper()
	out := hsmtest.Run(t, "pkcs11-tool", "--module", tokens.Module, "--token-label", "keys", "--login", "--pin", hsmtest.PIN, "--list-objects", "--type", "privkey")
	for _, want := range []string{"label:      " + k.Label, fmt.Sprintf("ID:         %x", k.CKAID), "Usage:      sign", "Access:     sensitive, always sensitive, never extractable, local"} {
		if !strings.Contains(out, want) {
			t.Errorf("pkcs11-tool doesn't say %q:\n%s", want, out)
		}
	}
	out = hsmtest.Run(t, "p11tool", "--provider", tokens.Module, "--login", "--set-pin", hsmtest.PIN, "--list-all", "pkcs11:token=keys;object="+k.Label)
	for _, want := range []string{`Type: Private key \(RSA-(4096|2048)\)`, `CKA_SENSITIVE`, `CKA_NEVER_EXTRACTABLE`} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("p11tool doesn't say %q:\n%s", want, out)
		}
	}
}

// TestManyAtOnce signs from many goroutines over few sessions.
func TestManyAtOnce(t *testing.T) {
	tokens.AddToken(t, "many")
	o := options("many")
	o.Sessions = 3
	tok := open(t, o)
	key, err := tok.Generate(t.Context(), "k", hsm.SmallBits)
	if err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	for range 50 {
		g.Go(func() error { return sign(t, key) })
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if n := hsm.FreeSessions(tok); n < 1 || n > 3 {
		t.Errorf("%d sessions are open, want up to 3", n)
	}
}

// TestWrongPIN checks that a wrong PIN is tried once, by this process and by the next ones together, and that the token stays usable.
func TestWrongPIN(t *testing.T) {
	tokens.AddToken(t, "pin")
	pin := "wrong"
	o := options("pin")
	o.PIN = func() (string, error) { return pin, nil }
	tok, err := hsm.New(o)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := tok.Check(t.Context()); !errors.Is(err, hsm.ErrWrongPIN) {
			t.Fatalf("Check with a wrong PIN = %v, want ErrWrongPIN", err)
		}
	}
	if h := tok.Health(); !errors.Is(h.Err, hsm.ErrWrongPIN) {
		t.Errorf("Health = %+v, want ErrWrongPIN", h)
	}
	for range 20 { // as if the program was started again and again
		if other, err := hsm.Open(t.Context(), o); !errors.Is(err, hsm.ErrFewTries) {
			t.Fatalf("Open with a wrong PIN = %v, %v; want ErrFewTries", other, err)
		}
	}
	pin = hsmtest.PIN // an operator sets the right one
	if err := tok.Check(t.Context()); err != nil {
		t.Errorf("Check with the right PIN = %v", err)
	}
	if err := tok.Close(); err != nil {
		t.Error(err)
	}
	open(t, options("pin"))
}

// TestTryPIN checks that a person may try a PIN on a token that has seen a wrong one.
func TestTryPIN(t *testing.T) {
	tokens.AddToken(t, "try")
	o := options("try")
	o.Token.PINValue = "wrong"
	if _, err := hsm.Open(t.Context(), o); !errors.Is(err, hsm.ErrWrongPIN) {
		t.Fatalf("Open with a wrong PIN = %v, want ErrWrongPIN", err)
	}
	o.Token.PINValue, o.TryPIN = hsmtest.PIN, true
	open(t, o)
}

// TestNoToken checks the answers without a PIN, a token, or a module.
func TestNoToken(t *testing.T) {
	tokens.AddToken(t, "here")
	for name, c := range map[string]struct {
		change func(*hsm.Options)
		want   error
	}{
		"no PIN":         {func(o *hsm.Options) { o.Token.PINValue = "" }, hsm.ErrNoPIN},
		"no token":       {func(o *hsm.Options) { o.Token.Token = "elsewhere" }, hsm.ErrNoToken},
		"another serial": {func(o *hsm.Options) { o.Token.Serial = "0" }, hsm.ErrNoToken},
		"another slot":   {func(o *hsm.Options) { o.Token.SlotID = 1 << 20 }, hsm.ErrNoToken},
		"no module":      {func(o *hsm.Options) { o.Module = "" }, hsm.ErrNoModule},
		"missing module": {func(o *hsm.Options) { o.Module = "/nowhere.so" }, hsm.ErrNoModule},
		"no library":     {func(o *hsm.Options) { o.Module = "/etc/passwd" }, hsm.ErrNoModule},
	} {
		o := options("here")
		c.change(&o)
		if _, err := hsm.Open(t.Context(), o); !errors.Is(err, c.want) {
			t.Errorf("%s: Open = %v, want %v", name, err, c.want)
		}
	}
	tokens.AddToken(t, "here")
	if _, err := hsm.Open(t.Context(), options("here")); !errors.Is(err, hsm.ErrTokens) {
		t.Errorf("Open with two tokens of a label = %v, want ErrTokens", err)
	}
}

// TestPulledOut takes a token away while it is in use, and puts another one there.
func TestPulledOut(t *testing.T) {
	tokens.AddToken(t, "loose")
	tok := open(t, options("loose"))
	key, err := tok.Generate(t.Context(), "k", hsm.SmallBits)
	if err != nil {
		t.Fatal(err)
	}
	tokens.RemoveToken(t, "loose")
	if err := sign(t, key); err == nil {
		t.Error("a token that was pulled out signs")
	}
	if h := tok.Health(); h.Err == nil {
		t.Error("Health has no error after the token was pulled out")
	}
	tokens.AddToken(t, "loose")
	if err := sign(t, key); !errors.Is(err, hsm.ErrNoKey) {
		t.Errorf("signature by another token of that label: %v, want ErrNoKey", err)
	}
	if h := tok.Health(); h.Err != nil || h.Opened < 2 {
		t.Errorf("Health = %+v, want no error and two openings", h)
	}
}

// TestBusy checks that a call ends with its context while the token is at work, and that the others do not wait for it.
func TestBusy(t *testing.T) {
	tokens.AddToken(t, "busy")
	o := options("busy")
	o.Sessions = 2
	tok := open(t, o)
	key, err := tok.Generate(t.Context(), "k", hsm.SmallBits)
	if err != nil {
		t.Fatal(err)
	}
	release := hsm.Occupy(t, tok)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	digest := sha512.Sum512(nil)
	if _, err := key.SignContext(ctx, digest[:], crypto.SHA512); err != nil {
		t.Errorf("a signature beside a slow call: %v", err)
	}
	release2 := hsm.Occupy(t, tok)
	short, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if _, err := key.SignContext(short, digest[:], crypto.SHA512); !errors.Is(err, hsm.ErrBusy) {
		t.Errorf("a signature beside two slow calls over two sessions: %v, want ErrBusy", err)
	}
	if h := tok.Health(); h.Busy != 2 {
		t.Errorf("Health says that %d calls run, want 2", h.Busy)
	}
	release()
	release2()
	if err := sign(t, key); err != nil {
		t.Errorf("a signature afterwards: %v", err)
	}
}

// TestRefusedDigests checks that only what assertions and bundles need is signed.
func TestRefusedDigests(t *testing.T) {
	tokens.AddToken(t, "digests")
	tok := open(t, options("digests"))
	key, err := tok.Generate(t.Context(), "k", hsm.SmallBits)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum512(nil)
	for name, c := range map[string]struct {
		digest []byte
		opts   crypto.SignerOpts
	}{
		"raw": {sum[:], crypto.Hash(0)}, "too short": {sum[:63], crypto.SHA512}, "SHA-1": {sum[:20], crypto.SHA1},
		"PSS": {sum[:], &rsa.PSSOptions{Hash: crypto.SHA512}},
	} {
		if sig, err := key.Sign(nil, c.digest, c.opts); err == nil {
			t.Errorf("%s: Sign = %x, want an error", name, sig)
		}
	}
}

// TestP11Kit uses a token through a p11-kit server, which is killed and started again.
func TestP11Kit(t *testing.T) {
	tokens.AddToken(t, "remote")
	server := tokens.Serve(t, "remote")
	o := options("remote")
	o.Module, o.Socket = server.Module, server.Socket
	tok := open(t, o)
	key, err := tok.Generate(t.Context(), "far", hsm.SmallBits)
	if err != nil {
		t.Fatal(err)
	}
	if err := sign(t, key); err != nil {
		t.Fatal(err)
	}
	out := hsmtest.Run(t, "p11tool", "--provider", tokens.Module, "--login", "--set-pin", hsmtest.PIN, "--list-all", "pkcs11:token=remote")
	if !strings.Contains(out, "Label: far") {
		t.Errorf("p11tool doesn't find the key:\n%s", out)
	}
	server.Stop(t)
	if err := sign(t, key); err == nil {
		t.Error("a server that is gone signs")
	}
	if h := tok.Health(); h.Err == nil {
		t.Error("Health has no error after the server was killed")
	}
	server.Start(t)
	if err := sign(t, key); err != nil {
		t.Errorf("a signature after the server is back: %v", err)
	}
	// A restart that nobody noticed.
	server.Stop(t)
	server.Start(t)
	if err := sign(t, key); err != nil {
		t.Errorf("a signature after a restart: %v", err)
	}
	if h := tok.Health(); h.Err != nil || h.Opened < 3 {
		t.Errorf("Health = %+v, want no error and three openings", h)
	}
}

// TestNoSecretInErrors checks that no error has a PIN in it.
func TestNoSecretInErrors(t *testing.T) {
	const secret = "5ecret-pin"
	tokens.AddToken(t, "secret")
	var texts []string
	for _, change := range []func(*hsm.Options){
		func(o *hsm.Options) {}, func(o *hsm.Options) { o.Token.Token = "elsewhere" }, func(o *hsm.Options) { o.Module = "/nowhere.so" },
	} {
		o := options("secret")
		o.Token.PINValue = secret
		change(&o)
		_, err := hsm.Open(t.Context(), o)
		texts = append(texts, fmt.Sprint(err), o.Token.String())
	}
	_, err := hsm.ParseURI("pkcs11:token=a?pin-value=" + secret + "%zz")
	texts = append(texts, fmt.Sprint(err))
	if i := slices.IndexFunc(texts, func(s string) bool { return strings.Contains(s, secret) }); i >= 0 {
		t.Errorf("there is a PIN in %q", texts[i])
	}
}

// TestClose checks that a token can be closed twice and at once, and that no call works afterwards.
func TestClose(t *testing.T) {
	tokens.AddToken(t, "close")
	tok, err := hsm.Open(t.Context(), options("close"))
	if err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	for range 5 {
		g.Go(tok.Close)
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if err := tok.Check(t.Context()); !errors.Is(err, hsm.ErrClosed) {
		t.Errorf("Check of a closed token = %v, want ErrClosed", err)
	}
}

// TestFailuresLeaveNoSession checks that calls that fail as if the token was lost close their sessions: a token has few.
func TestFailuresLeaveNoSession(t *testing.T) {
	tokens.AddToken(t, "failures")
	tok := open(t, options("failures"))
	key, err := tok.Generate(t.Context(), "k", hsm.SmallBits)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		hsm.Fail(t, tok)
	}
	if err := sign(t, key); err != nil {
		t.Fatal(err)
	}
}
