package durable

import (
	"context"
	"fmt"

	"runlease/shared/announce"
	"runlease/shared/memory"
)

// Webhooks is memory.Webhooks, and what it holds is in the folder. The letters of a
// job are in the transaction that makes it final; what becomes of a letter later is
// in the next one, and is not waited for: a kill makes an announcement come twice.
type Webhooks struct {
	*memory.Webhooks
	db *DB
}

// Webhooks reads the folder's endpoints and letters. From then on jobs that become
// final get letters. It is called once, before the folder is used.
func (db *DB) Webhooks() (*Webhooks, error) {
	w := &Webhooks{memory.NewWebhooks(db.Clock.Now, func(name string, l *memory.KeptLetter) {
		if l == nil {
			db.owe(letters, name, nil)
		} else {
			db.owe(letters, name, encode(letterFields, l))
		}
	}), db}
	err := db.scan(webhooks, "", func(id string, row []byte) (bool, error) {
		e, _, err := decodeRow(webhooks, endpointFields, id, row)
		w.LoadEndpoint(e)
		return err == nil, err
	})
	if err == nil {
		err = db.scan(letters, "", func(name string, row []byte) (bool, error) {
			l, _, err := decodeRow(letters, letterFields, name, row)
			w.Load(l)
			return err == nil, err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read webhooks: %w", err)
	}
	db.hooks = w.Webhooks
	return w, nil
}

// PutEndpoint writes an endpoint if it was not written since it was read.
func (w *Webhooks) PutEndpoint(ctx context.Context, e announce.Endpoint) (put bool, err error) {
	err = w.db.write(ctx, func(b *batch) error {
		stored := announce.Endpoint{}
		var unknown []byte
		if row := b.get(webhooks, e.ID); row != nil {
			var err error
			if stored, unknown, err = decodeRow(webhooks, endpointFields, e.ID, row); err != nil {
				return err
			}
		}
		if put = stored.Revision == e.Revision-1; put {
			b.put(webhooks, e.ID, append(encode(endpointFields, &e), unknown...))
		}
		return nil
	})
	if err == nil && put {
		w.LoadEndpoint(e)
	}
	return put && err == nil, err
}

// RemoveEndpoint removes an endpoint.
func (w *Webhooks) RemoveEndpoint(ctx context.Context, id string) (found bool, err error) {
	err = w.db.write(ctx, func(b *batch) error {
		if found = b.get(webhooks, id) != nil; found {
			b.put(webhooks, id, nil)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	_, _ = w.Webhooks.RemoveEndpoint(ctx, id) // never fails
	return found, nil
}
