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
	// patience is the time that a device waits for its serial.
	patience = 2 * time.Second
	// AnswerTime bounds the time of a whole request, since snapd gives up after ten seconds.
	AnswerTime = 8 * time.Second
	// recordTime bounds each access to the records. A device whose serial is being recorded waits so much longer.
	recordTime = 5 * time.Second
	// pollLife is the time for which a request stays recorded after a sign of life.
	pollLife = time.Hour
	// maxJobs and maxJobBytes bound the requests that wait for the token. maxOfOrigin bounds the ones from one address or network, and maxOfDevice
	// the ones of one device key, so that others find room.
	maxJobs     = 1024
	maxJobBytes = 32 << 20
	maxOfOrigin = maxJobs / 4
	maxOfDevice = 4
	// maxAtOnce bounds the signatures of one key at once. The token has four sessions, so a slow key leaves one to the others.
	maxAtOnce = 3
	// maxTakes bounds the requests that are being recorded, so that the serials that were signed find a connection to the database.
	maxTakes = 3
)

// Records are the tables of serials, which all servers of a store share. A catalog.Reader has them.
type Records interface {
	TakeSerialRequest(ctx context.Context, id catalog.SerialRequestID, w catalog.SerialWish, expires time.Time) (catalog.TakenRequest, error)
	PollSerialRequest(ctx context.Context, id catalog.SerialRequestID, take bool) (catalog.TakenRequest, error)
	PlanSerial(ctx context.Context, id catalog.SerialRequestID, w catalog.SerialWish) (catalog.SerialPlan, error)
	RepeatSerial(ctx context.Context, id catalog.SerialRequestID, recent int64, delivered bool) (string, error)
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
	// counts has the number of jobs of each origin and device.
	counts map[string]int
	// turns bounds the signatures at once, by key.
	turns map[string]chan struct{}
	// names are the new serials that are being signed. None is signed for two devices.
	names map[[3]string]bool
	// devices are the devices whose serials are being signed.
	devices  map[[3]string]*deviceTurn
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
	return &Registrar{cfg: cfg, jobs: make(map[string]*job), counts: make(map[string]int), turns: make(map[string]chan struct{}), names: make(map[[3]string]bool), devices: make(map[[3]string]*deviceTurn), takes: make(chan struct{}, maxTakes),
		recorder: recorder{records: cfg.Records}}
}

// Pending returns the number of requests that wait for the token.
func (r *Registrar) Pending() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.jobs)
}

// Opened reports whether the token was opened at least once.
func (r *Registrar) Opened() bool { return r.cfg.Token.Health().Opened > 0 }

// Register answers a request that was verified with the stream of the serial and what proves it. If the token is slow, the error is
// ErrPending, and the serial is signed meanwhile. Then the device sends the same request again, to this server or to another one.
func (r *Registrar) Register(ctx context.Context, p *Proof) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, AnswerTime)
	defer cancel()
	j, isNew, err := r.find(p)
	if err != nil {
		return nil, err
	}
	var text string
	switch {
	case j == nil:
		text, err = r.poll(ctx, p)
	case isNew:
		text, err = r.begin(ctx, j)
	default:
		text, err = j.wait(ctx)
	}
	if err != nil {
		return nil, err
	}
	return p.stream(text)
}

// find returns the job of a request that is being signed here, or a new one, which has its place before anything is recorded. It returns nil if
// there is no place.
func (r *Registrar) find(p *Proof) (j *job, isNew bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j = r.jobs[string(p.id.ID)]
	switch {
	case j == nil:
		j = r.reservePlace(p)
		return j, true, nil
	case j.proof.id.Sum != p.id.Sum:
		return nil, false, catalog.ErrRequestUsed
	}
	return j, false, j.join()
}

// poll answers a request for which there is no place here, if it was recorded before.
func (r *Registrar) poll(ctx context.Context, p *Proof) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	found, err := r.cfg.Records.PollSerialRequest(ctx, p.id, false)
	switch {
	case errors.Is(err, catalog.ErrNoRequest) && p.late:
		return "", session.ErrExpired
	case errors.Is(err, catalog.ErrNoRequest):
		return "", ErrCrowd
	case err == nil && found.Assertion == "":
		return "", ErrPending
	}
	return found.Assertion, err
}

// begin records the request of a new job, and starts the job if the request is this server's to sign.
func (r *Registrar) begin(ctx context.Context, j *job) (string, error) {
	taken, err := r.take(ctx, j.proof)
	switch {
	case err == nil && taken.Mine:
		r.start(j, taken.Plan)
		return j.wait(ctx)
	case err == nil && taken.Assertion == "":
		err = ErrPending
	}
	r.end(j)
	return taken.Assertion, err
}

// take takes a request for this server, unless it was recorded before. A request whose ID has expired must have been.
func (r *Registrar) take(ctx context.Context, p *Proof) (catalog.TakenRequest, error) {
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	select {
	case r.takes <- struct{}{}:
		defer func() { <-r.takes }()
	case <-time.After(patience):
		return catalog.TakenRequest{}, ErrCrowd
	}
	if !p.late {
		return r.cfg.Records.TakeSerialRequest(ctx, p.id, p.wish, time.Now().Add(pollLife))
	}
	taken, err := r.cfg.Records.PollSerialRequest(ctx, p.id, true)
	if errors.Is(err, catalog.ErrNoRequest) {
		err = session.ErrExpired
	}
	return taken, err
}

// drop forgets a request that was refused.
func (r *Registrar) drop(p *Proof) {
	ctx, cancel := context.WithTimeout(context.Background(), recordTime)
	defer cancel()
	if err := r.cfg.Records.DropSerialRequest(ctx, p.id); err != nil {
		r.cfg.Logger.Warn("a request for a serial stays recorded, although it is refused", "err", err)
	}
}

// reservePlace returns a job for a request, for which the device waits. It returns nil if there are too many jobs. The caller holds r.mu.
func (r *Registrar) reservePlace(p *Proof) *job {
	origin, device := p.crowds()
	if len(r.jobs) >= maxJobs || r.size+p.size() > maxJobBytes || r.counts[origin] >= maxOfOrigin || r.counts[device] >= maxOfDevice {
		return nil
	}
	j := &job{proof: p, waits: true, done: make(chan struct{})}
	r.jobs[string(p.id.ID)] = j
	r.size += p.size()
	r.counts[origin]++
	r.counts[device]++
	return j
}

// start starts a job whose request is recorded.
func (r *Registrar) start(j *job, plan catalog.SerialPlan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	turn := r.turns[j.proof.policy.KeyID]
	if turn == nil {
		turn = make(chan struct{}, maxAtOnce)
		r.turns[j.proof.policy.KeyID] = turn
	}
	j.begin(plan)
	go r.run(j, turn)
}

// end forgets a job.
func (r *Registrar) end(j *job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.jobs, string(j.proof.id.ID))
	r.size -= j.proof.size()
	origin, device := j.proof.crowds()
	for _, of := range []string{origin, device} {
		if r.counts[of]--; r.counts[of] == 0 {
			delete(r.counts, of)
		}
	}
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
