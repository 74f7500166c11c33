package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"offlinestore/catalog"
	"offlinestore/edge"
)

// The timing of the records of the edge. Requests never wait for them.
const (
	edgeInterval     = 10 * time.Second
	edgeTimeout      = 10 * time.Second
	overrideInterval = time.Second
	overrideTimeout  = 5 * time.Second
)

// The bounds of one batch of releases, and of all that a start reads, in bytes and rows.
const (
	releasesBatchBytes = 8 << 20
	releasesBatch      = 2000
	releasesStart      = 48 << 20
	charmsStart        = 12 << 20
)

// loadEdge gives the edge the overrides, and the releases of earlier runs. An online store that does not know its overrides would give devices
// other revisions, so it does not begin.
func (s *service) loadEdge(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, edgeTimeout)
	defer cancel()
	var err error
	if s.overridesVersion, err = s.loadOverrides(short, ""); err != nil && !s.front.airgapped.Load() {
		return fmt.Errorf("the overrides of this store are needed before devices are answered: %w", err)
	}
	if err := s.loadReleases(short, time.Time{}); err != nil {
		s.Logger.Warn("revisions that devices were given earlier are not known while upstream does not answer", "err", err)
	}
	return nil
}

// loadReleases gives the edge the releases and charms that were seen last, and not before a time.
func (s *service) loadReleases(ctx context.Context, since time.Time) error {
	var list []edge.Release
	var size int
	err := s.source.EachEdgeRelease(ctx, since, func(r catalog.EdgeRelease) bool {
		size += len(r.Snap)
		list = append(list, edge.Release(r))
		return size < releasesStart
	})
	s.edge.AddReleases(list)
	if err != nil {
		return err
	}
	var charms []edge.Charm
	size = 0
	err = s.source.EachEdgeCharm(ctx, since, func(c catalog.EdgeCharm) bool {
		size += len(c.Charm)
		charms = append(charms, edge.Charm(c))
		return size < charmsStart
	})
	s.edge.AddCharms(charms)
	return err
}

// loadOverrides gives the edge the overrides of the database, unless they have the version that it knows. It returns their version.
func (s *service) loadOverrides(ctx context.Context, known string) (string, error) {
	// The version is read first: a change meanwhile makes the next call read them again.
	version, err := s.source.EdgeOverridesVersion(ctx)
	if err != nil || version == known {
		return known, err
	}
	found, err := s.source.EdgeOverrides(ctx)
	if err != nil {
		return known, err
	}
	list := make([]edge.Override, len(found))
	for i, o := range found {
		list[i] = edge.Override{SnapID: o.SnapID, Name: o.Name, Architecture: o.Architecture, Channel: o.Channel, Revision: o.Revision}
	}
	s.edge.SetOverrides(list)
	if known != "" {
		s.Logger.Info("the overrides have changed", "overrides", len(list))
	}
	return version, nil
}

// keepOverrides gives the edge the overrides of upstream's channels until ctx ends. While the database does not answer, the last ones hold.
func (s *service) keepOverrides(ctx context.Context) {
	tick := time.NewTicker(overrideInterval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		short, cancel := context.WithTimeout(ctx, overrideTimeout)
		version, err := s.loadOverrides(short, s.overridesVersion)
		cancel()
		if err != nil && !failing && ctx.Err() == nil {
			s.Logger.Warn("overrides can't be read: the ones before hold", "err", err)
		}
		s.overridesVersion, failing = version, err != nil
	}
}

// keepEdge writes the devices and releases of the edge to the database, in batches, until ctx ends. A batch that the database does not take is
// lost: devices come again. It also reads the releases that other servers, and cache warm, have written.
func (s *service) keepEdge(ctx context.Context) {
	tick := time.NewTicker(edgeInterval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		err := errors.Join(s.writeEdge(ctx, s.edge.TakeDevices(), s.edge.TakeReleases()), s.writeCharms(ctx, s.edge.TakeCharms()))
		if err != nil && !failing {
			s.Logger.Warn("devices and their revisions can't be recorded: the role of serve may lack INSERT, UPDATE and DELETE on the tables edge_device, edge_release and edge_charm", "err", err)
		}
		failing = err != nil
		if ctx.Err() != nil {
			return
		}
		s.learnReleases(ctx)
	}
}

// learnReleases reads the releases of other processes. One that was seen a moment ago is written up to an interval and a time limit later.
func (s *service) learnReleases(ctx context.Context) {
	short, cancel := context.WithTimeout(ctx, edgeTimeout)
	defer cancel()
	if err := s.loadReleases(short, time.Now().Add(-2*(edgeInterval+edgeTimeout))); err != nil && ctx.Err() == nil {
		s.Logger.Debug("releases of other servers can't be read", "err", err)
	}
}

// writeEdge writes a batch. All of it has one time limit.
func (s *service) writeEdge(ctx context.Context, devices []edge.DeviceID, releases []edge.Release) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), edgeTimeout)
	defer cancel()
	ids := make([][]byte, len(devices))
	for i := range devices {
		ids[i] = devices[i][:]
	}
	if err := s.source.AddEdgeDevices(ctx, ids); err != nil {
		return err
	}
	rows := make([]catalog.EdgeRelease, len(releases))
	for i := range releases {
		rows[i] = catalog.EdgeRelease(releases[i])
	}
	return eachBatch(rows, func(r *catalog.EdgeRelease) int { return len(r.Snap) }, func(batch []catalog.EdgeRelease) error {
		return s.source.AddEdgeReleases(ctx, batch)
	})
}

// writeCharms writes the charms that Juju was given.
func (s *service) writeCharms(ctx context.Context, charms []edge.Charm) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), edgeTimeout)
	defer cancel()
	rows := make([]catalog.EdgeCharm, len(charms))
	for i := range charms {
		rows[i] = catalog.EdgeCharm(charms[i])
	}
	return eachBatch(rows, func(c *catalog.EdgeCharm) int { return len(c.Charm) }, func(batch []catalog.EdgeCharm) error {
		return s.source.AddEdgeCharms(ctx, batch)
	})
}

// eachBatch calls write with all rows, in batches of a bounded number of rows and bytes, until it fails.
func eachBatch[T any](rows []T, bytes func(*T) int, write func([]T) error) error {
	for len(rows) > 0 {
		n := 0
		for size := 0; n < len(rows) && n < releasesBatch && size < releasesBatchBytes; n++ {
			size += bytes(&rows[n])
		}
		if err := write(rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
