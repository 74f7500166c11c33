package bundle_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/internal/assertiontest"
)

// withdrawals returns a gone snap, a gone charm and a revoked snap.
func withdrawals(t *testing.T, stack *assertiontest.Stack) []*bundle.Withdrawal {
	t.Helper()
	revoked := append(stack.Base(), stack.Account("publisher1", "Publisher", nil), stack.SnapDeclaration(jqID, "", "publisher1", nil))
	return []*bundle.Withdrawal{
		{WithdrawalConfig: bundle.WithdrawalConfig{Kind: bundle.WithdrawnSnap, Name: "hello", Reason: bundle.ReasonGone}},
		{WithdrawalConfig: bundle.WithdrawalConfig{Kind: bundle.WithdrawnCharm, Name: "hello", Reason: bundle.ReasonGone}},
		{WithdrawalConfig: bundle.WithdrawalConfig{Kind: bundle.WithdrawnSnap, Name: "jq", ID: jqID, Reason: bundle.ReasonRevoked}, Assertions: encodeStream(t, revoked)},
	}
}

func encodeStream(t *testing.T, all []*assertion.Assertion) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := assertion.EncodeAll(&b, all); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestWithdrawals writes and reads a bundle that has nothing but withdrawals.
func TestWithdrawals(t *testing.T) {
	t.Parallel()
	stack := assertiontest.NewStack(t)
	want := withdrawals(t, stack)
	c := &content{predicate: sample(t).predicate}
	b := &bundle.Builder{}
	for _, w := range want {
		if err := b.AddWithdrawal(w); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := b.Seal(t.Context(), c.predicate, testKey())
	if err != nil {
		t.Fatal(err)
	}
	got, err := receiveBytes(t, c.pack(t, sealed, bundle.None))
	if err != nil {
		t.Fatal(err)
	}
	want = []*bundle.Withdrawal{want[1], want[0], want[2]} // in the order of the items' names
	if diff := cmp.Diff(want, got.head.Withdrawals, equateBytes()); diff != "" {
		t.Errorf("withdrawals (-want +got):\n%s", diff)
	}
	both := sample(t).builder(t)
	if err := both.AddWithdrawal(want[2]); err != nil {
		t.Fatal(err)
	}
	if _, err := both.Seal(t.Context(), c.predicate, testKey()); !errors.Is(err, bundle.ErrCorrupt) {
		t.Errorf("a bundle with a snap that is also withdrawn: %v, want ErrCorrupt", err)
	}
}

// TestWithdrawalCheck compares a revoked snap with its declaration.
func TestWithdrawalCheck(t *testing.T) {
	t.Parallel()
	stack := assertiontest.NewStack(t)
	h := &bundle.Head{Withdrawals: withdrawals(t, stack)}
	all, err := bundle.Check(h, stack.Trust(), assertiontest.Time())
	if err != nil || len(all) == 0 {
		t.Fatalf("Check = %d assertions, %v", len(all), err)
	}
	named := append(stack.Base(), stack.Account("publisher1", "Publisher", nil), stack.SnapDeclaration(jqID, "jq", "publisher1", nil))
	h.Withdrawals[2].Assertions = encodeStream(t, named)
	var mismatch *bundle.MismatchError
	if _, err := bundle.Check(h, stack.Trust(), assertiontest.Time()); !errors.As(err, &mismatch) {
		t.Errorf("a declaration with a name: %v, want a MismatchError", err)
	}
}

// TestBadWithdrawals refuses statements that the format does not have.
func TestBadWithdrawals(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*bundle.Withdrawal){
		"no name":               func(w *bundle.Withdrawal) { w.Name = "" },
		"a bad name":            func(w *bundle.Withdrawal) { w.Name = "../x" },
		"another kind":          func(w *bundle.Withdrawal) { w.Kind = "model" },
		"another reason":        func(w *bundle.Withdrawal) { w.Reason = "tired" },
		"a bad id":              func(w *bundle.Withdrawal) { w.ID = "x" },
		"gone with assertions":  func(w *bundle.Withdrawal) { w.Assertions = []byte("x") },
		"revoked without id":    func(w *bundle.Withdrawal) { w.Reason, w.Assertions = bundle.ReasonRevoked, []byte("x") },
		"revoked without proof": func(w *bundle.Withdrawal) { w.Reason, w.ID = bundle.ReasonRevoked, jqID },
		"charm with id":         func(w *bundle.Withdrawal) { w.Kind, w.ID = bundle.WithdrawnCharm, jqID },
	} {
		w := &bundle.Withdrawal{WithdrawalConfig: bundle.WithdrawalConfig{Kind: bundle.WithdrawnSnap, Name: "hello", Reason: bundle.ReasonGone}}
		edit(w)
		if err := new(bundle.Builder).AddWithdrawal(w); err == nil {
			t.Errorf("%s: AddWithdrawal took it", name)
		}
	}
}
