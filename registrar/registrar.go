package registrar

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"offlinestore/catalog"
	"offlinestore/session"
)

// The bounds of waiting for the token.
const (
	// patience is the time that a device waits for its answer. snapd gives up after ten seconds.
	patience = 2 * time.Second
	// recordTime bounds each access to the records. A device whose serial is being recorded waits so much longer.
	recordTime = 5 * time.Second
	// pollLife is the time for which a request stays recorded after a sign of life.
	pollLife = time.Hour
	// maxJobs and maxJobBytes bound the requests that wait for the token.
	maxJobs     = 1024
	maxJobBytes = 32 << 20
	// maxAtOnce bounds the signatures of one key at once: the token has as many sessions. A slow key does not keep the others from signing.
	maxAtOnce = 4
	// maxTakes bounds the requests that are being recorded, so that the serials that were signed find a connection to the database.
	maxTakes = 3
)

// Records are the tables of serials, which all servers of a store share. A catalog.Reader has them.
type Records interface {
	TakeSerialRequest(ctx context.Context, id catalog.SerialRequestID, w catalog.SerialWish, expires time.Time) (catalog.TakenRequest, error)
	PollSerialRequest(ctx context.Context, id catalog.SerialRequestID) (catalog.TakenRequest, error)
	PlanSerial(ctx context.Context, id catalog.SerialRequestID, w catalog.SerialWish) (catalog.SerialPlan, error)
	RecordSerials(ctx context.Context, list []catalog.SerialRecord) (recorded []bool, err error)
	KeepSerialRequests(ctx context.Context, ids [][]byte, expires time.Time) error
	DropSerialRequest(ctx context.Context, id catalog.SerialRequestID) error
}

// Config is the configuration of a Registrar. Token and Records are required.
type Config struct {
	Token   Token
	Records Records
	// Logger gets messages for the operator; nil discards them.
	Logger *slog.Logger
	// Now is the clock of serials; nil is time.Now.
	Now func() time.Time
}

// Registrar signs serials for devices, and records them.
type Registrar struct {
	cfg  Config
	mu   sync.Mutex
	jobs map[string]*job // by the ID of the request
	size int             // of the jobs, in bytes
	// turns bounds the signatures at once, by key.
	turns map[string]chan struct{}
	// names are the new serials that are being signed. None is signed for two devices.
	names    map[[3]string]bool
	takes    chan struct{}
	recorder recorder
}

// New returns a Registrar.
func New(cfg Config) *Registrar {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Registrar{cfg: cfg, jobs: make(map[string]*job), turns: make(map[string]chan struct{}), names: make(map[[3]string]bool), takes: make(chan struct{}, maxTakes),
		recorder: recorder{records: cfg.Records}}
}

// Pending returns the number of requests that wait for the token.
func (r *Registrar) Pending() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.jobs)
}

// Register answers a request that was verified with the stream of the serial and what proves it. If the token is slow, the error is
// ErrPending, and the serial is signed meanwhile. Then the device sends the same request again, to this server or to another one.
func (r *Registrar) Register(ctx context.Context, p *Proof) ([]byte, error) {
	j, err := r.find(p)
	if err != nil {
		return nil, err
	}
	if j == nil {
		taken, err := r.take(ctx, p)
		switch {
		case err != nil:
			return nil, err
		case taken.Assertion != "":
			return p.stream(taken.Assertion)
		case !taken.Mine:
			return nil, ErrPending
		}
		if j, err = r.start(p, taken.Plan); err != nil {
			r.drop(p) // for the next poll
			return nil, err
		}
	}
	text, err := j.wait(ctx)
	if err != nil {
		return nil, err
	}
	return p.stream(text)
}

// find returns the job of a request that is being signed here, or nil.
func (r *Registrar) find(p *Proof) (*job, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.jobs[string(p.id.ID)]
	switch {
	case j == nil:
		return nil, nil
	case j.proof.id.Sum != p.id.Sum:
		return nil, catalog.ErrRequestUsed
	case !j.join():
		return nil, ErrPending
	}
	return j, nil
}

// take takes a request for this server, unless it was recorded before. A request whose ID has expired must have been.
func (r *Registrar) take(ctx context.Context, p *Proof) (catalog.TakenRequest, error) {
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	select {
	case r.takes <- struct{}{}:
		defer func() { <-r.takes }()
	case <-time.After(patience):
		return catalog.TakenRequest{}, ErrPending // nothing is recorded, so the next poll is the first one
	}
	if !p.late {
		return r.cfg.Records.TakeSerialRequest(ctx, p.id, p.wish, time.Now().Add(pollLife))
	}
	taken, err := r.cfg.Records.PollSerialRequest(ctx, p.id)
	if errors.Is(err, catalog.ErrNoRequest) {
		err = session.ErrExpired
	}
	return taken, err
}

// drop lets the device send a request again that was not answered.
func (r *Registrar) drop(p *Proof) {
	ctx, cancel := context.WithTimeout(context.Background(), recordTime)
	defer cancel()
	if err := r.cfg.Records.DropSerialRequest(ctx, p.id); err != nil {
		r.cfg.Logger.Warn("a request for a serial stays recorded, although it is not answered", "err", err)
	}
}

// start starts a job for a request. The device waits for it. The error is ErrPending if there are too many jobs.
func (r *Registrar) start(p *Proof, plan catalog.SerialPlan) (*job, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.jobs) >= maxJobs || r.size+p.size() > maxJobBytes {
		return nil, ErrPending
	}
	j := &job{proof: p, plan: plan, waits: true, done: make(chan struct{})}
	r.jobs[string(p.id.ID)] = j
	r.size += p.size()
	turn := r.turns[p.policy.KeyID]
	if turn == nil {
		turn = make(chan struct{}, maxAtOnce)
		r.turns[p.policy.KeyID] = turn
	}
	go r.run(j, turn)
	return j, nil
}

// end forgets a job.
func (r *Registrar) end(j *job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.jobs, string(j.proof.id.ID))
	r.size -= j.proof.size()
}

// Keep keeps the requests that wait here from other servers, until ctx ends.
func (r *Registrar) Keep(ctx context.Context) {
	tick := time.NewTicker(catalog.RequestLease / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var ids [][]byte
		r.mu.Lock()
		for id := range r.jobs {
			ids = append(ids, []byte(id))
		}
		r.mu.Unlock()
		if len(ids) == 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, recordTime)
		err := r.cfg.Records.KeepSerialRequests(ctx, ids, time.Now().Add(pollLife))
		cancel()
		if err != nil {
			r.cfg.Logger.Warn("another server may sign the same serials, because this one can't record that it does", "err", err)
		}
	}
}

// reserve keeps a new serial from other requests to this server, and returns the plan for it. If another request has it, the plan has a UUID in
// its place.
func (r *Registrar) reserve(p *Proof, plan catalog.SerialPlan) (_ catalog.SerialPlan, release func()) {
	if plan.Revision > 0 {
		return plan, func() {}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	name := [3]string{p.BrandID, p.Model, plan.Serial}
	if plan.Serial == "" || r.names[name] {
		plan.Serial = newUUID()
		return plan, func() {}
	}
	r.names[name] = true
	return plan, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.names, name)
	}
}
