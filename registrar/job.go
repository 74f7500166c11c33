package registrar

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"offlinestore/assertion"
	"offlinestore/catalog"
)

const (
	// queueTime bounds the wait for a turn, and signTime the signing itself, with all pauses of a busy token.
	queueTime = time.Hour
	signTime  = 5 * time.Minute
	// busyPause is the pause before a busy token is asked again.
	busyPause = time.Second
	// maxTries bounds the serials that are signed for one request. Another one is needed if somebody takes the serial meanwhile.
	maxTries = 8
)

// job is the work for one request.
type job struct {
	proof *Proof
	plan  catalog.SerialPlan

	mu sync.Mutex
	// recorded is set once the request is.
	recorded bool
	// waits is set while the device waits for the answer.
	waits bool
	// told is set once the device was told to poll. Then the answer is kept for polls: it may get lost on its way.
	told bool
	// delivers is set while the answer is being recorded as delivered.
	delivers bool

	// done is closed when text and err are set.
	done chan struct{}
	text string
	err  error
}

// begin notes that the request is recorded. A request without a plan was recorded before: its device polls.
func (j *job) begin(plan catalog.SerialPlan) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.plan, j.recorded, j.told = plan, true, !plan.Waits
}

// join lets a device wait for the answer, unless it waits already. Nobody is told to poll before the request is recorded.
func (j *job) join() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case !j.recorded:
		return ErrCrowd
	case j.waits:
		j.told = !j.delivers
		return ErrPending
	}
	j.waits = true
	return nil
}

// leave ends the waiting of the device. It returns false if the answer is being recorded as delivered.
func (j *job) leave() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.delivers {
		j.waits, j.told = false, true
	}
	return !j.delivers
}

// deliver reports whether the device waits, and will not ask again. Then it waits until the answer is recorded.
func (j *job) deliver() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.delivers = j.waits && !j.told
	return j.delivers
}

// wait returns the answer, or ErrPending if it takes too long.
func (j *job) wait(ctx context.Context) (string, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-j.done:
		return j.text, j.err
	case <-timer.C:
	case <-ctx.Done():
	}
	if j.leave() {
		return "", ErrPending
	}
	left := recordTime
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	timer.Reset(left)
	select {
	case <-j.done:
		return j.text, j.err
	case <-timer.C:
		return "", fmt.Errorf("%w: a serial is being recorded", catalog.ErrUnavailable)
	}
}

// run does the work of a job.
func (r *Registrar) run(j *job, turn chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), queueTime)
	defer cancel()
	j.text, j.err = r.issue(ctx, j, turn)
	if IsRefusal(j.err) && !errors.Is(j.err, catalog.ErrRequestUsed) {
		r.drop(j.proof)
	}
	r.end(j)
	close(j.done)
}

// issue signs and records a serial. If somebody takes it meanwhile, issue makes another one.
func (r *Registrar) issue(ctx context.Context, j *job, turn chan struct{}) (string, error) {
	p := j.proof
	waited, unlock, err := r.lockDevice(ctx, p)
	if err != nil {
		return "", err
	}
	defer unlock()
	if waited {
		j.plan = catalog.SerialPlan{}
	}
	for range maxTries {
		text, err := r.attempt(ctx, j, turn)
		if !errors.Is(err, errNotRecorded) {
			return text, err
		}
		j.plan = catalog.SerialPlan{}
	}
	return "", ErrPending
}

// attempt signs and records a serial. A plan that was made before the turn is made again: somebody may have changed the policy meanwhile.
func (r *Registrar) attempt(ctx context.Context, j *job, turn chan struct{}) (string, error) {
	p := j.proof
	if text, err := r.settle(ctx, j); text != "" || err != nil {
		return text, err
	}
	waited, leave, err := takeTurn(ctx, turn)
	if err != nil {
		return "", err
	}
	defer leave()
	if waited {
		j.plan = catalog.SerialPlan{}
		if text, err := r.settle(ctx, j); text != "" || err != nil {
			return text, err
		}
	}
	plan, release := r.reserve(p, j.plan)
	defer release()
	serial, err := r.signPlan(ctx, p, plan)
	if err != nil {
		return "", err
	}
	leave()
	entry := p.entry(serial)
	if err := r.recorder.record(j, entry); err != nil {
		return "", err
	}
	r.cfg.Logger.Info("a device has got its serial", "brand", p.BrandID, "model", p.Model, "serial", entry.Serial, "revision", entry.Revision, "key", entry.KeyID,
		"from", p.origin)
	return entry.Assertion, nil
}

// takeTurn waits until the key may make another signature. It reports whether it had to.
func takeTurn(ctx context.Context, turn chan struct{}) (waited bool, leave func(), err error) {
	leave = sync.OnceFunc(func() { <-turn })
	select {
	case turn <- struct{}{}:
		return false, leave, nil
	default:
	}
	select {
	case turn <- struct{}{}:
		return true, leave, nil
	case <-ctx.Done():
		return true, nil, ErrBusy
	}
}

// settle makes the plan of a job that has none. It returns the answer if nothing has to be signed.
func (r *Registrar) settle(ctx context.Context, j *job) (text string, err error) {
	if !j.plan.Waits { // or another server was faster
		if j.plan, err = r.replan(ctx, j.proof); err != nil {
			return "", err
		}
	}
	if !j.plan.Waits {
		return r.pick(ctx, j)
	}
	if err := j.proof.allows(j.plan); err != nil || j.plan.Recent == 0 {
		return "", err
	}
	return r.repeat(ctx, j)
}

// repeat answers with the serial that the device has got a moment ago.
func (r *Registrar) repeat(ctx context.Context, j *job) (string, error) {
	policy, err := j.proof.findPolicy(j.proof.current())
	if err != nil {
		return "", err
	}
	if policy.KeyID != j.proof.policy.KeyID {
		return "", ErrPending
	}
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	text, err := r.cfg.Records.RepeatSerial(ctx, j.proof.id, j.plan.Recent, j.deliver())
	if err == nil && text == "" {
		err = errNotRecorded
	}
	return text, err
}

// allows reports why a plan forbids a serial.
func (p *Proof) allows(plan catalog.SerialPlan) error {
	switch {
	case plan.Policy == 0:
		return ErrPolicy
	case plan.Policy != p.policy.Revision || plan.KeyID != p.policy.KeyID:
		return ErrPending // the device comes back when this server knows the new policy
	case p.wish.FromModel != "" && !plan.MayRemodel:
		return fmt.Errorf("%w: the allow-list has no entry from %.60q to %.60q for serial %.60q", ErrRemodel, p.wish.FromModel, p.Model, p.wish.FromSerial)
	}
	return nil
}

func (r *Registrar) replan(ctx context.Context, p *Proof) (catalog.SerialPlan, error) {
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	return r.cfg.Records.PlanSerial(ctx, p.id, p.wish)
}

// pick returns the answer that another server has recorded.
func (r *Registrar) pick(ctx context.Context, j *job) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	taken, err := r.cfg.Records.PollSerialRequest(ctx, j.proof.id, false)
	if err == nil && taken.Assertion == "" {
		err = ErrPending
	}
	return taken.Assertion, err
}

// signPlan signs the serial of a plan.
func (r *Registrar) signPlan(ctx context.Context, p *Proof, plan catalog.SerialPlan) (*assertion.Assertion, error) {
	ctx, cancel := context.WithTimeout(ctx, signTime)
	defer cancel()
	for {
		d, err := p.draft(plan, r.cfg.Now())
		if err != nil {
			return nil, err
		}
		serial, err := p.sign(ctx, r.cfg.Token, d)
		if errors.Is(err, ErrNoToken) && r.cfg.Token.Health().Opened > 0 {
			return nil, fmt.Errorf("%w: %v", ErrTokenAway, err)
		}
		if !errors.Is(err, ErrBusy) || ctx.Err() != nil {
			return serial, err
		}
		select {
		case <-time.After(busyPause):
		case <-ctx.Done():
		}
	}
}

// newUUID returns a random UUID of version 4.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
