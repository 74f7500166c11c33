//go:build storeapi

package gateway_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"offlinestore/catalog"
	"offlinestore/server/gateway/api"
)

// TestPublicClient calls the gateway with the Snap Store's public client, canonicalwebteam.store-api, in the folder that OFFLINESTORE_STORE_API names.
// It needs the tag storeapi, because not every machine can have the client. TestRecordedCalls makes the same calls without it.
func TestPublicClient(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("OFFLINESTORE_STORE_API")
	if folder == "" {
		t.Fatal("OFFLINESTORE_STORE_API names no folder with canonicalwebteam.store-api")
	}
	s := newStore(t)
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/witness.py", folder, s.url+api.Path, brand)
	cmd.Stdin = strings.NewReader(s.addToken("py@example.internal", []string{catalog.RoleModelAdministrator}))
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "no_proxy=*")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.HasSuffix(string(out), "ok\n") { // before it are the refusals that the client logs
		t.Errorf("witness.py: %v: %s", err, out)
	}
}
