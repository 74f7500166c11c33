package catalog_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/audit"
	"offlinestore/catalog"
)

// modelCalls calls each method about keys, models, policies and the allow-list, and the ones about roles.
func modelCalls(ctx context.Context, db *catalog.DB) map[string]func() error {
	entry := []catalog.Remodel{{}}
	return map[string]func() error{
		"DB.AddDeviceModel":      func() error { return db.AddDeviceModel(ctx, "a", catalog.DeviceModel{}) },
		"DB.AddRemodels":         func() error { _, err := db.AddRemodels(ctx, "a", "b", entry); return err },
		"DB.AddSerialPolicy":     func() error { _, err := db.AddSerialPolicy(ctx, "a", "b", "m", "k"); return err },
		"DB.AddSigningKey":       func() error { return db.AddSigningKey(ctx, "a", catalog.SigningKey{}) },
		"DB.BeginSigningKey":     func() error { return db.BeginSigningKey(ctx, "a", "k") },
		"DB.EndSigningKey":       func() error { return db.EndSigningKey(ctx, "a", "k", false) },
		"DB.SigningKeyBegun":     func() error { _, err := db.SigningKeyBegun(ctx, "a", "k"); return err },
		"DB.Brands":              func() error { _, err := db.Brands(ctx); return err },
		"DB.DescribeRemodels":    func() error { _, err := db.DescribeRemodels(ctx, "a", "b", entry); return err },
		"DB.DeviceModel":         func() error { _, err := db.DeviceModel(ctx, "b", "m"); return err },
		"DB.DeviceModels":        func() error { _, err := db.DeviceModels(ctx, "b"); return err },
		"DB.Remodels":            func() error { _, err := db.Remodels(ctx, catalog.RemodelQuery{}); return err },
		"DB.RemoveDeviceModel":   func() error { return db.RemoveDeviceModel(ctx, "b", "m") },
		"DB.RemoveRemodels":      func() error { _, err := db.RemoveRemodels(ctx, "b", entry); return err },
		"DB.RemoveSerialPolicy":  func() error { return db.RemoveSerialPolicy(ctx, "b", "m", 1) },
		"DB.RemoveSigningKey":    func() error { return db.RemoveSigningKey(ctx, "b", "k", time.Minute) },
		"DB.RequireFreeKeyName":  func() error { return db.RequireFreeKeyName(ctx, "b", "n") },
		"DB.SerialPolicies":      func() error { _, err := db.SerialPolicies(ctx, "b", "m"); return err },
		"DB.SetAPIKey":           func() error { return db.SetAPIKey(ctx, "a", "b", "m", "") },
		"DB.SetRoles":            func() error { return db.SetRoles(ctx, "a@b", catalog.Roles()) },
		"DB.SigningKey":          func() error { _, err := db.SigningKey(ctx, "b", "k"); return err },
		"DB.SigningKeys":         func() error { _, err := db.SigningKeys(ctx, "b"); return err },
		"DB.StartVouchedSession": func() error { return db.StartVouchedSession(ctx, "a", "s", time.Now()) },
	}
}

// openAsAdmin opens a catalogue with the rights of the administration alone.
func openAsAdmin(t *testing.T) (owner, admin *catalog.DB) {
	t.Helper()
	owner, dsn := open(t)
	adminRole, serverRole := databaseOf(t, dsn)+"_admin", databaseOf(t, dsn)+"_server"
	if err := errors.Join(owner.CreateServerRole(t.Context(), serverRole), owner.CreateAdminRole(t.Context(), adminRole, serverRole)); err != nil {
		t.Fatal(err)
	}
	dropRole(t, dsn, pgx.Identifier{adminRole}.Sanitize())
	dropRole(t, dsn, pgx.Identifier{serverRole}.Sanitize())
	admin, err := catalog.OpenAdmin(t.Context(), asRole(t, dsn, adminRole))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	return owner, admin
}

// TestModelServiceActs makes all changes with the rights of the administration. Each has its row in the audit trail, without API keys, and
// tells the servers.
func TestModelServiceActs(t *testing.T) {
	t.Parallel()
	owner, db := openAsAdmin(t)
	ctx := audit.WithActor(t.Context(), audit.Actor{Who: "jo@example.internal", From: "10.0.0.7"})
	const by, brand = "jo@example.internal", "acme"
	entry := []catalog.Remodel{{FromModel: "old", ToModel: "pump", FromSerial: "s1"}}
	described := []catalog.Remodel{{FromModel: "old", ToModel: "pump", FromSerial: "s1", Description: "why"}}
	changes := []func() error{
		func() error {
			return db.AddSigningKey(ctx, by, catalog.SigningKey{ID: "id", BrandID: brand, Name: "key", Fingerprint: "fp"})
		},
		func() error {
			return db.AddDeviceModel(ctx, by, catalog.DeviceModel{BrandID: brand, Name: "pump", Series: "16", APIKey: "top-secret"})
		},
		func() error { return db.SetAPIKey(ctx, by, brand, "pump", "next-secret") },
		func() error { _, err := db.AddSerialPolicy(ctx, by, brand, "pump", "id"); return err },
		func() error { _, err := db.AddRemodels(ctx, by, brand, entry); return err },
		func() error { _, err := db.DescribeRemodels(ctx, by, brand, described); return err },
		func() error { _, err := db.RemoveRemodels(ctx, brand, entry); return err },
		func() error { return db.RemoveSerialPolicy(ctx, brand, "pump", 1) },
		func() error { return db.RemoveDeviceModel(ctx, brand, "pump") },
		func() error { return db.RemoveSigningKey(ctx, brand, "id", time.Minute) },
	}
	for i, change := range changes {
		before := generation(t, owner)
		if err := change(); err != nil {
			t.Fatalf("change %d: %v", i, err)
		}
		if after := generation(t, owner); after != before+1 {
			t.Errorf("change %d: generation %d, was %d", i, after, before)
		}
	}
	const who = "jo@example.internal 10.0.0.7 "
	diff(t, "rows", acts(t, owner, len(changes)), []string{
		who + `create-key acme/key:  -> {"fingerprint":"fp","sha3-384":"id"}`,
		who + `create-model acme/pump:  -> {"api-key":"set"}`,
		who + `change-model acme/pump: {"api-key":"set"} -> {"api-key":"changed"}`,
		who + `create-serial-policy acme/pump:  -> {"revision":1,"signing-key-sha3-384":"id"}`,
		who + `allow-remodel acme/old:  -> {"description":"","from-serial":"s1","to-model":"pump"}`,
		who + `change-remodel acme/old:  -> {"description":"why","from-serial":"s1","to-model":"pump"}`,
		who + `disallow-remodel acme/old: {"description":"why","from-serial":"s1","to-model":"pump"} -> `,
		who + `delete-serial-policy acme/pump: {"revision":1,"signing-key-sha3-384":"id"} -> `,
		who + `delete-model acme/pump: {"api-key":"set"} -> `,
		who + `delete-key acme/key: {"fingerprint":"fp","sha3-384":"id"} -> `,
	})
}

func generation(t *testing.T, db *catalog.DB) int64 {
	t.Helper()
	c, err := db.LoadSnapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c.Generation
}

// TestModelServiceRefuses checks the errors that callers branch on.
func TestModelServiceRefuses(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	ctx := t.Context()
	if err := errors.Join(
		db.AddSigningKey(ctx, "a", catalog.SigningKey{ID: "id", BrandID: "acme", Name: "key"}),
		db.AddDeviceModel(ctx, "a", catalog.DeviceModel{BrandID: "acme", Name: "pump", Series: "16"}),
	); err != nil {
		t.Fatal(err)
	}
	policy := func(brand, model, key string) error {
		_, err := db.AddSerialPolicy(ctx, "a", brand, model, key)
		return err
	}
	_, remodelErr := db.AddRemodels(ctx, "a", "acme", []catalog.Remodel{{FromModel: "pump", ToModel: "none"}})
	for _, c := range []struct {
		what      string
		err, want error
	}{
		{"a key twice", db.AddSigningKey(ctx, "a", catalog.SigningKey{ID: "id", BrandID: "other", Name: "key"}), catalog.ErrSigningKeyExists},
		{"a name twice", db.AddSigningKey(ctx, "a", catalog.SigningKey{ID: "id2", BrandID: "acme", Name: "key"}), catalog.ErrSigningKeyExists},
		{"a model twice", db.AddDeviceModel(ctx, "a", catalog.DeviceModel{BrandID: "acme", Name: "pump"}), catalog.ErrModelExists},
		{"a policy of an unknown model", policy("acme", "none", "id"), catalog.ErrNoModel},
		{"a policy with an unknown key", policy("acme", "pump", "none"), catalog.ErrNoSigningKey},
		{"a policy with another brand's key", errors.Join(db.AddDeviceModel(ctx, "a", catalog.DeviceModel{BrandID: "other", Name: "pump"}), policy("other", "pump", "id")), catalog.ErrNoSigningKey},
		{"an unknown policy", db.RemoveSerialPolicy(ctx, "acme", "pump", 9), catalog.ErrNoPolicy},
		{"another brand's key", db.RemoveSigningKey(ctx, "other", "id", time.Minute), catalog.ErrNoSigningKey},
		{"an unknown target", remodelErr, catalog.ErrNoModel},
		{"the roles of nobody", db.SetRoles(ctx, "jo@example.internal", catalog.Roles()), catalog.ErrNoAdmin},
		{"a vouched login of nobody", db.StartVouchedSession(ctx, "jo", "s", time.Now()), catalog.ErrNoAdmin},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, c.err, c.want)
		}
	}
	// A refused policy uses no revision.
	p, err := db.AddSerialPolicy(ctx, "a", "acme", "pump", "id")
	if err != nil || p.Revision != 1 {
		t.Errorf("policy %+v, %v; want revision 1", p, err)
	}
	var inUse *catalog.KeyInUseError
	if err := db.RemoveSigningKey(ctx, "acme", "id", time.Minute); !errors.As(err, &inUse) || !slices.Equal(inUse.Models, []string{"pump"}) {
		t.Errorf("remove a key in use: %v", err)
	}
}

// TestModelServiceIsBounded fills the tables of a brand.
func TestModelServiceIsBounded(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("writes 100,000 rows; CI runs it")
	}
	db, dsn := open(t)
	exec(t, dsn, `
		insert into signing_key (id, brand_id, name, fingerprint, created_by, modified_by) select 'id' || n, 'acme', n, '', '', '' from generate_series(1, 1000) n;
		insert into device_model (brand_id, name, series, api_key, created_by, modified_by) select 'acme', 'm' || n, '16', '', '', '' from generate_series(1, 1000) n;
		insert into serial_policy (brand_id, model, revision, key_id, authority_id, created_by) select 'acme', 'm1', n, 'id1', 'acme', '' from generate_series(1, 1000) n;
		insert into remodel (brand_id, from_model, to_model, from_serial, description, created_by) select 'acme', 'm1', 'm2', n, '', '' from generate_series(1, 100000) n`)
	ctx := t.Context()
	_, policyErr := db.AddSerialPolicy(ctx, "a", "acme", "m1", "id1")
	_, remodelErr := db.AddRemodels(ctx, "a", "acme", []catalog.Remodel{{FromModel: "m2", ToModel: "m1"}})
	for what, err := range map[string]error{
		"key":      db.AddSigningKey(ctx, "a", catalog.SigningKey{ID: "more", BrandID: "acme", Name: "more"}),
		"key name": db.RequireFreeKeyName(ctx, "acme", "more"),
		"model":    db.AddDeviceModel(ctx, "a", catalog.DeviceModel{BrandID: "acme", Name: "more", Series: "16"}),
		"policy":   policyErr, "remodel": remodelErr,
	} {
		if !errors.Is(err, catalog.ErrTooMany) {
			t.Errorf("one more %s: %v, want ErrTooMany", what, err)
		}
	}
	page := catalog.RemodelQuery{BrandID: "acme", Limit: 500}
	seen := 0
	for {
		list, err := db.Remodels(ctx, page)
		if err != nil {
			t.Fatal(err)
		}
		if seen += len(list); len(list) < page.Limit {
			break
		}
		page.After = list[len(list)-1]
	}
	if seen != 100_000 {
		t.Errorf("the pages have %d entries, want 100000", seen)
	}
	if _, err := db.RemoveRemodels(ctx, "acme", []catalog.Remodel{{FromModel: "m1", ToModel: "m2", FromSerial: "7"}}); err != nil {
		t.Errorf("a full list can't be shortened: %v", err)
	}
}

// TestRoles checks that roles follow the admin to the logins, and stay when the secret changes.
func TestRoles(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	ctx := t.Context()
	a := catalog.Admin{Email: "jo@example.internal", Secret: "hash"}
	if err := errors.Join(db.PutAdmin(ctx, a), db.StartSession(ctx, &a, "s", time.Now().Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	want := func(roles ...string) {
		t.Helper()
		if got, err := db.Admin(ctx, a.Email); err != nil || !slices.Equal(got.Roles, roles) {
			t.Errorf("admin %+v, %v; want the roles %v", got, err, roles)
		}
	}
	want(catalog.RoleOperator)
	both := []string{catalog.RoleModelAdministrator, catalog.RoleViewer}
	if err := db.SetRoles(ctx, a.Email, both); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Session(ctx, "s"); err != nil || !slices.Equal(got.Roles, both) {
		t.Errorf("session %+v, %v; want the roles %v", got, err, both)
	}
	if err := db.PutAdmin(ctx, catalog.Admin{Email: a.Email, Secret: "other"}); err != nil {
		t.Fatal(err)
	}
	want(both...)
	if err := db.PutAdmin(ctx, catalog.Admin{Email: a.Email, Secret: "other", Roles: []string{catalog.RoleViewer}}); err != nil {
		t.Fatal(err)
	}
	want(catalog.RoleViewer)
	if err := db.PutAdmin(ctx, catalog.Admin{Email: a.Email, Roles: []string{"root"}}); err == nil {
		t.Error("an unknown role is taken")
	}
}
