//go:build linux

package main_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"offlinestore/instance"
	"offlinestore/instance/settings"
)

// TestKillBetweenChangeAndRow kills commands that change a setting, at any time. Each change that was made has its row, exactly one.
func TestKillBetweenChangeAndRow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	n := 200
	if testing.Short() {
		n = 25
	}
	made := make(map[string]bool)
	killed := 0
	for i := range n {
		name := fmt.Sprintf("h%d.example.internal", i)
		if s.runAndKill(time.Duration(rand.IntN(60))*time.Millisecond, "config", "proxy.domain="+name) {
			killed++
		}
		set, err := instance.Dir(s.dir).Settings()
		if err != nil {
			t.Fatal(err)
		}
		if set.Values().Domain == name {
			made[name] = true
		}
		if i%10 == 0 {
			s.runAndKill(time.Duration(rand.IntN(300))*time.Millisecond, "audit", "list")
		}
	}
	if killed == 0 {
		t.Error("no command was killed")
	}
	s.mustRun("audit", "verify")
	var rows []struct {
		What  string
		After map[string]any
	}
	if err := json.Unmarshal([]byte(s.mustRun("audit", "list", "--json").stdout), &rows); err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	for _, r := range rows {
		state := r.After
		if planned, ok := state["planned"].(map[string]any); ok {
			state = planned
		}
		if name, ok := state[settings.Domain].(string); ok && r.What == "config" && strings.HasPrefix(name, "h") {
			count[name]++
		}
	}
	for name := range made {
		if count[name] != 1 {
			t.Errorf("the change to %s has %d rows", name, count[name])
		}
	}
	t.Logf("%d commands, %d killed, %d changes made, %d rows", n, killed, len(made), len(count))
}
