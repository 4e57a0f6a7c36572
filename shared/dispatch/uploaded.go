package dispatch

import (
	"context"

	"runlease/shared/job"
)

// uploaded checks that an object is there and is what was announced.
func (d *Dispatcher) uploaded(ctx context.Context, key string, want job.Artifact, what string) (Answer, error) {
	got, exists, err := d.Objects.Stat(ctx, key)
	switch {
	case err != nil:
		return Answer{}, err
	case !exists:
		return Answer{Outcome: UploadMissing, Detail: what}, nil
	case got != want:
		return Answer{Outcome: UploadMismatch, Detail: what}, nil
	}
	return granted, nil
}
