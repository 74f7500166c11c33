package pgcluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"
)

const (
	// superviseInterval is the time between two looks at PostgreSQL.
	superviseInterval = 500 * time.Millisecond
	// firstDelay and maxDelay bound the time between two attempts to start PostgreSQL.
	firstDelay = time.Second
	maxDelay   = 30 * time.Second
	// steadyTime is the time after which PostgreSQL counts as running steadily, so that the next delay is short again.
	steadyTime = time.Minute
)

// restartsFile counts the unexpected ends of PostgreSQL.
const restartsFile = "restarts.json"

// Restarts are the times that Supervise had to start PostgreSQL again.
type Restarts struct {
	Count int       `json:"count"`
	Last  time.Time `json:"last"`
}

// Supervise starts PostgreSQL again whenever it ended, until ctx ends. It has to return before Close is called.
func (c *Cluster) Supervise(ctx context.Context, log *slog.Logger) {
	var delay time.Duration
	var tried time.Time
	for pause(ctx, superviseInterval) == nil {
		if pid, err := c.postmaster(); err != nil || pid != 0 {
			continue
		}
		if time.Since(tried) > steadyTime {
			delay = 0
			log.Error("the private PostgreSQL ended: it is started again", "folder", c.folder.path)
		}
		if pause(ctx, delay) != nil {
			return
		}
		delay = min(max(2*delay, firstDelay), maxDelay)
		began := time.Now()
		err := c.revive(ctx)
		tried = time.Now()
		switch {
		case err == nil:
			log.Info("the private PostgreSQL runs again", "took", tried.Sub(began).Round(time.Millisecond))
			if err := c.countRestart(tried); err != nil {
				log.Warn("a restart of PostgreSQL was not counted", "err", err)
			}
		case ctx.Err() == nil:
			log.Error("the private PostgreSQL cannot be started", "err", err, "next-attempt", delay)
		}
	}
}

// revive starts PostgreSQL, unless another process did it meanwhile. It never makes a cluster: an empty store would take the place of
// one that disappeared.
func (c *Cluster) revive(ctx context.Context) error {
	starting, err := c.folder.lock(ctx, startLock, exclusive)
	if err != nil {
		return err
	}
	defer starting.Close()
	if _, err := c.dataVersion(); err != nil {
		return err
	}
	return c.run(ctx)
}

func (c *Cluster) countRestart(now time.Time) error {
	r, err := c.Restarts()
	if err != nil {
		r = Restarts{} // a damaged count begins again
	}
	r.Count++
	r.Last = now.UTC().Truncate(time.Second)
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return c.folder.replace(restartsFile, text)
}

// Restarts returns how often PostgreSQL was started again since the cluster was made.
func (c *Cluster) Restarts() (r Restarts, err error) {
	text, err := c.folder.read(restartsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return Restarts{}, fmt.Errorf("read the restarts of PostgreSQL: %w", err)
	}
	return r, nil
}
