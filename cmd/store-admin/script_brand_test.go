package main

import (
	"cmp"
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/upstreamtest"
)

// changeBrand implements brand WHAT ARG..., which changes the stores of the brand acme.
func changeBrand(ts *testscript.TestScript, neg bool, args []string) {
	u := storeOf(ts)
	switch args[0] {
	case "store": // ID PARENT ROLE [SNAP...]: a store in which the account of the scripts has a role, or none, with included snaps
		b := upstreamtest.BrandStore{ID: args[1], Name: "The Store " + args[1], Brand: upstreamtest.BrandID, Parent: args[2], Includes: args[4:]}
		if args[3] != "" {
			b.Roles = map[string][]string{testEmail: {args[3]}}
		}
		u.SetBrandStore(b)
		u.AddAssertions(u.Stack.Account(testAccount().ID, testAccount().Username, nil))
	case "snap": // NAME STORE REVISION CHANNEL [PROVIDER...]: REVISION 0 only registers the name; an empty CHANNEL has no release
		revision, err := strconv.Atoi(args[3])
		ts.Check(err)
		if err := u.AddSnap(upstreamtest.Snap{Name: args[1], Base: "core24", Store: args[2], Providers: args[5:]}); err != nil || revision == 0 {
			ts.Check(err)
			return
		}
		ts.Check(u.AddRevision(args[1], upstreamtest.Rev{Revision: revision, Blob: upstreamtest.Random(args[1], payload)}))
		if args[4] != "" {
			ts.Check(u.Release(args[1], "", args[4], revision))
		}
	case "gate": // NAME STORE CONTROLLED REVISION: a snap that controls the refreshes of another, with the approval of a revision
		revision, err := strconv.Atoi(args[4])
		ts.Check(err)
		acme := upstreamtest.Publisher{ID: upstreamtest.BrandID, Username: upstreamtest.BrandID, DisplayName: upstreamtest.BrandID, Validation: "unproven"}
		ts.Check(u.AddSnap(upstreamtest.Snap{Name: args[1], Base: "core24", Store: args[2], Controls: []string{args[3]}, Publisher: acme}))
		ts.Check(u.AddRevision(args[1], upstreamtest.Rev{Revision: 1, Blob: upstreamtest.Random(args[1], payload)}))
		ts.Check(u.Release(args[1], "", "stable", 1))
		u.Approve(args[1], args[3], revision, nil)
	case "assert": // ID [FRIEND...]: the store assertion of a store
		changes := assertiontest.Headers{}
		for _, id := range args[2:] {
			friends, _ := changes["friendly-stores"].([]any)
			changes["friendly-stores"] = append(friends, id)
		}
		u.SignStore(args[1], upstreamtest.BrandID, changes)
	case "lose-account": // the account of the scripts has no assertion
		u.Remove(assertion.Ref{Type: "account", PrimaryKey: []string{testAccount().ID}})
	case "lose-key": // the key of the requests is not registered
		u.Remove(assertion.Ref{Type: "account-key", PrimaryKey: []string{assertiontest.DeviceKey().KeyID()}})
	case "lose-declaration": // NAME
		u.Remove(assertion.Ref{Type: "snap-declaration", PrimaryKey: []string{assertion.Series, upstreamtest.ID(args[1])}})
	case "key-request": // FILE ACCOUNT NAME [other]: the request for the account-key of a key; an empty ACCOUNT is the account of the scripts
		key := assertiontest.DeviceKey()
		if len(args) > 4 {
			key = u.Brand().Key
		}
		request := assertiontest.KeyRequest(cmp.Or(args[2], testAccount().ID), args[3], key, nil)
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), request.Raw(), 0o600))
	default:
		ts.Fatalf("unknown change %s", strings.Join(args, " "))
	}
}
