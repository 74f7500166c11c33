package server_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"offlinestore/charm"
	"offlinestore/server"
	"offlinestore/snap"
)

// TestFieldsAreMembersOfMessages checks that the tables of fields and the message types, which upstream reads answers with, have the
// same members. A field under another name would be lost when another store exports from this one.
func TestFieldsAreMembersOfMessages(t *testing.T) {
	t.Parallel()
	tables := server.FieldTables()
	for _, c := range []struct {
		tables  []string
		message any
	}{
		{[]string{"snapFields", "revisionFields"}, snap.Snap{}},
		{[]string{"entityFields"}, charm.Entity{}},
		{[]string{"charmInfoFields"}, charm.InfoResponse{}},
		{[]string{"defaultReleaseFields"}, charm.DefaultRelease{}},
		{[]string{"channelMapFields"}, charm.ChannelMapEntry{}},
		{[]string{"charmRevisionFields"}, charm.Revision{}},
	} {
		message := reflect.TypeOf(c.message)
		members := slices.DeleteFunc(jsonMembers(message), func(m string) bool { return m == "further-resources" }) // of bundles alone
		var fields []string
		for _, name := range c.tables {
			if len(tables[name]) == 0 {
				t.Errorf("%s has no fields", name)
			}
			fields = append(fields, tables[name]...)
		}
		for _, f := range fields {
			if !slices.Contains(members, f) {
				t.Errorf("%s: %q is no JSON member of %s", strings.Join(c.tables, ", "), f, message)
			}
		}
		for _, m := range members {
			if !slices.Contains(fields, m) {
				t.Errorf("%s: %q of %s is missing", strings.Join(c.tables, ", "), m, message)
			}
		}
		for _, name := range c.tables {
			delete(tables, name)
		}
	}
	for name := range tables {
		t.Errorf("%s is compared with no message", name)
	}
}

// jsonMembers lists the names that encoding/json gives to the fields of a struct type, embedded structs included.
func jsonMembers(t reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}
