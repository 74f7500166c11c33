//go:build cgo

package hsm

import (
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"
)

// maxSlots bounds the slots of a module.
const maxSlots = 1024

// connect finds the token and logs in. If the module's server was restarted, or the module does not see a token that was pulled out and is
// back, the module is initialized again. The caller holds t.mu.
func (t *Token) connect() error {
	epoch, err := t.module.start()
	if err != nil {
		return err
	}
	conn, err := t.tryConnect(epoch)
	if isLost(err) || errors.Is(err, ErrNoToken) && t.module.mayLook() {
		t.module.restart(epoch)
		if epoch, err = t.module.start(); err == nil {
			conn, err = t.tryConnect(epoch)
		}
	}
	if err != nil {
		return err
	}
	t.conn = conn
	t.healthMu.Lock()
	t.health.Opened++
	t.healthMu.Unlock()
	return nil
}

func (t *Token) tryConnect(epoch int) (conn *connection, err error) {
	err = t.module.use(epoch, func(ctx *pkcs11.Ctx) error {
		slot, i, err := t.findSlot(ctx)
		if err != nil {
			return err
		}
		s, err := ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
		if err != nil {
			return fmt.Errorf("open a session: %w", err)
		}
		if err := t.login(ctx, s, i); err != nil {
			return errors.Join(err, ctx.CloseSession(s))
		}
		conn = &connection{epoch: epoch, slot: slot, first: s}
		return nil
	})
	return conn, err
}

// findSlot returns the only token that fits the URI.
func (t *Token) findSlot(ctx *pkcs11.Ctx) (slot uint, found pkcs11.TokenInfo, err error) {
	slots, err := ctx.GetSlotList(true)
	if err != nil {
		return 0, found, fmt.Errorf("list tokens: %w", err)
	}
	n := 0
	for _, s := range slots[:min(len(slots), maxSlots)] {
		i, err := ctx.GetTokenInfo(s)
		if err != nil || i.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 || !t.fits(s, t.describe(i)) {
			continue
		}
		slot, found = s, i
		n++
	}
	switch n {
	case 0:
		return 0, found, fmt.Errorf("%w: %s in %s", ErrNoToken, t.options.Token.tokenOnly(), t.module.path)
	case 1:
		return slot, found, nil
	}
	return 0, found, fmt.Errorf("%w: %d of %s are %s; name the token's label or serial", ErrTokens, n, t.module.path, t.options.Token.tokenOnly())
}

func (t *Token) fits(slot uint, i Info) bool {
	u := t.options.Token
	fits := func(want, have string) bool { return want == "" || want == have }
	return fits(u.Token, i.Label) && fits(u.Manufacturer, i.Manufacturer) && fits(u.Model, i.Model) && fits(u.Serial, i.Serial) &&
		(u.SlotID < 0 || uint(u.SlotID) == slot)
}

// tokenOnly returns the URI of the token alone.
func (u URI) tokenOnly() URI {
	return URI{Token: u.Token, Manufacturer: u.Manufacturer, Model: u.Model, Serial: u.Serial, SlotID: u.SlotID}
}

// login logs in, at most once with each PIN: a token locks itself after a few wrong ones. Each process could try once, and supervision
// starts processes again and again. So no PIN is tried on a token that has seen a wrong one, until somebody logs in by hand, or sets another
// PIN while the process runs.
func (t *Token) login(ctx *pkcs11.Ctx, s pkcs11.SessionHandle, i pkcs11.TokenInfo) error {
	if i.Flags&pkcs11.CKF_LOGIN_REQUIRED == 0 {
		return nil
	}
	pin, err := t.pin()
	if err != nil {
		return err
	}
	protected := i.Flags&pkcs11.CKF_PROTECTED_AUTHENTICATION_PATH != 0
	label := t.describe(i).Label
	switch {
	case pin == "" && !protected:
		return fmt.Errorf("%w: token %q", ErrNoPIN, label)
	case i.Flags&pkcs11.CKF_USER_PIN_LOCKED != 0:
		return fmt.Errorf("%w: token %q", ErrLocked, label)
	case pin != "" && pin == t.wrong:
		return fmt.Errorf("%w: token %q; it is not tried again", ErrWrongPIN, label)
	case t.wrong == "" && !t.options.TryPIN && i.Flags&(pkcs11.CKF_USER_PIN_COUNT_LOW|pkcs11.CKF_USER_PIN_FINAL_TRY) != 0:
		return fmt.Errorf("%w: token %q", ErrFewTries, label)
	}
	err = ctx.Login(s, pkcs11.CKU_USER, pin)
	var code pkcs11.Error
	if !errors.As(err, &code) {
		t.wrong = ""
		return err
	}
	switch code {
	case pkcs11.CKR_USER_ALREADY_LOGGED_IN:
		return nil
	case pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_INVALID, pkcs11.CKR_PIN_LEN_RANGE:
		t.wrong = pin
		return fmt.Errorf("%w: token %q", ErrWrongPIN, label)
	case pkcs11.CKR_PIN_LOCKED:
		return fmt.Errorf("%w: token %q", ErrLocked, label)
	}
	return fmt.Errorf("log in to token %q: %w", label, err)
}

func (t *Token) pin() (string, error) {
	if t.options.PIN != nil {
		return t.options.PIN()
	}
	return t.options.Token.PIN()
}
