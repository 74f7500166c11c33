package catalog

import "offlinestore/audit"

// overrideAct returns the change of one row for the audit trail. The override was before, or 0.
func overrideAct(at Override, before int) audit.Act {
	set, unset := "override", "delete-override"
	if at.own {
		set, unset = "promote", "close-channel"
	}
	act := audit.Act{What: set, Subject: at.Name, Before: overrideState(at, before), After: overrideState(at, at.Revision)}
	if at.Revision == 0 {
		act.What = unset
	}
	return act
}

// overrideState returns the state of one row for the audit trail, or nil if there is no override.
func overrideState(at Override, revision int) any {
	if revision == 0 {
		return nil
	}
	return map[string]any{"architecture": at.Architecture, "channel": at.Channel, "revision": revision}
}
