package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"

	"github.com/snapcore/snapd/asserts"
)

func setupVerify(fs *flag.FlagSet) runner {
	var t trust
	t.addFlags(fs)
	return func(_ context.Context, args []string) (any, error) {
		if len(args) == 0 {
			return nil, usageError("name the streams")
		}
		db, err := t.openDB()
		if err != nil {
			return nil, err
		}
		verified := []assertionReport{}
		for _, path := range args {
			list, err := addStream(db, path)
			if err != nil {
				return nil, err
			}
			for _, a := range list {
				verified = append(verified, newAssertionReport(a))
			}
		}
		return assertionsResult{verified}, nil
	}
}

// addStream verifies a stream in any order, as "snap ack" does, and adds its assertions to db.
func addStream(db *asserts.Database, path string) ([]asserts.Assertion, error) {
	list, err := readStream(path)
	if err != nil {
		return nil, err
	}
	batch := asserts.NewBatch(nil)
	var selfSigned []asserts.Assertion
	for _, a := range list {
		if a.AuthorityID() == "" {
			selfSigned = append(selfSigned, a)
			continue
		}
		if err := batch.Add(a); err != nil {
			return nil, &refusedError{fmt.Errorf("take %s: %w", refPath(a.Ref()), err)}
		}
	}
	if err := batch.CommitTo(db, &asserts.CommitOptions{Precheck: true}); err != nil {
		return nil, &refusedError{err}
	}
	for _, a := range list {
		if a.AuthorityID() != "" {
			if err := checkHeld(db, a); err != nil {
				return nil, &refusedError{err}
			}
		}
	}
	for _, a := range selfSigned {
		if err := verifySelfSigned(db, a); err != nil {
			return nil, &refusedError{fmt.Errorf("verify %s: %w", refPath(a.Ref()), err)}
		}
	}
	return list, nil
}

// checkHeld checks that db holds a itself. A batch silently ignores an assertion if a trusted or an earlier one stands for
// it.
func checkHeld(db *asserts.Database, a asserts.Assertion) error {
	held, err := a.Ref().Resolve(db.Find)
	if err != nil {
		return fmt.Errorf("find %s again: %w", refPath(a.Ref()), err)
	}
	if held.Revision() > a.Revision() || held.Format() > a.Format() {
		return nil
	}
	if !bytes.Equal(asserts.Encode(held), asserts.Encode(a)) {
		return fmt.Errorf("%s differs from the one that is trusted or was there before", refPath(a.Ref()))
	}
	return nil
}

// verifySelfSigned verifies the types that no authority signs, each against the key that must have signed it.
func verifySelfSigned(db *asserts.Database, a asserts.Assertion) error {
	switch a := a.(type) {
	case *asserts.SerialRequest:
		return asserts.SignatureCheck(a, a.DeviceKey())
	case *asserts.DeviceSessionRequest:
		serial, err := db.Find(asserts.SerialType, map[string]string{
			"brand-id": a.BrandID(), "model": a.Model(), "serial": a.Serial(),
		})
		if err != nil {
			return fmt.Errorf("find the device's serial: %w", err)
		}
		return asserts.SignatureCheck(a, serial.(*asserts.Serial).DeviceKey())
	case *asserts.AccountKeyRequest:
		key, err := asserts.DecodePublicKey(a.Body())
		if err != nil {
			return err
		}
		return asserts.SignatureCheck(a, key)
	}
	return fmt.Errorf("%s names no authority", a.Type().Name)
}
