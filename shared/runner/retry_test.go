package runner

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

func TestReactions(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want reaction
	}{
		"success":                 {nil, goOn},
		"not modified":            {&replyError{Status: 304}, goOn},
		"no reply":                {io.ErrUnexpectedEOF, again},
		"bad request":             {&replyError{Status: 400, Code: "invalid_result"}, drop},
		"not found":               {&replyError{Status: 404}, drop},
		"wrong method":            {&replyError{Status: 405}, drop},
		"proxy timeout":           {&replyError{Status: 408}, again},
		"too large":               {&replyError{Status: 413}, drop},
		"media type":              {&replyError{Status: 415}, drop},
		"unprocessable":           {&replyError{Status: 422}, drop},
		"redirect":                {&replyError{Status: 307}, drop},
		"token":                   {&replyError{Status: 403, Code: "invalid_runner_token", Message: "invalid runner token"}, refused},
		"token, without a code":   {&replyError{Status: 403, Message: "invalid runner token"}, refused},
		"token of another name":   {&replyError{Status: 403, Code: "runner_name_mismatch"}, refused},
		"not ours":                {&replyError{Status: 403, Message: "not claimed by this runner"}, lost},
		"claim token":             {&replyError{Status: 403, Message: "invalid submission token"}, lost},
		"conflict":                {&replyError{Status: 409, Code: "job_cancelled"}, lost},
		"web ACL":                 {&replyError{Status: 403, Message: "Forbidden", Stranger: true}, again},
		"gateway's throttle":      {&replyError{Status: 429, Message: "Too Many Requests"}, again},
		"slow down":               {&replyError{Status: 429}, again},
		"internal error":          {&replyError{Status: 500}, again},
		"gateway timeout":         {&replyError{Status: 504}, again},
		"wrapped":                 {errors.Join(errors.New("x"), &replyError{Status: 409}), lost},
		"item accepted":           {&replyError{Code: "ok"}, goOn},
		"item, server at fault":   {&replyError{Code: "internal_error"}, again},
		"item, slow down":         {&replyError{Code: "too_many_requests"}, again},
		"item not ours":           {&replyError{Code: "not_claimed_by_runner"}, lost},
		"item, claim token":       {&replyError{Code: "invalid_submission_token"}, lost},
		"item in conflict":        {&replyError{Code: "result_conflict"}, lost},
		"item cancelled":          {&replyError{Code: "job_cancelled"}, lost},
		"item not found":          {&replyError{Code: "not_found"}, drop},
		"item ill-formed":         {&replyError{Code: "invalid_result"}, drop},
		"stranger, forbidden":     {&replyError{Status: 403, Stranger: true}, again},
		"stranger, not found":     {&replyError{Status: 404, Stranger: true, Message: "invalid runner token"}, again},
		"token at another status": {&replyError{Status: 500, Message: "invalid runner token"}, again},
	} {
		t.Run(name, func(t *testing.T) {
			if got := react(tc.err); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestPauseGrowsWithinBounds(t *testing.T) {
	seen := map[time.Duration]bool{}
	for n := range 100 {
		most := maxPause
		if n < 6 {
			most = firstPause << n
		}
		for range 20 {
			got := pause(n, nil)
			if got < most/2 || got > most {
				t.Fatalf("pause %d is %v, want %v to %v", n, got, most/2, most)
			}
			seen[got] = true
		}
	}
	if len(seen) < 1000 {
		t.Errorf("only %d different pauses of 2000: no jitter", len(seen))
	}
}

func TestPauseHonoursRetryAfter(t *testing.T) {
	for _, tc := range []struct{ asked, least, most time.Duration }{
		{2 * time.Second, 2 * time.Second, 2500 * time.Millisecond},
		{time.Minute, time.Minute, 75 * time.Second},
		{24 * time.Hour, maxRetryAfter, maxRetryAfter * 5 / 4},
	} {
		for range 50 {
			if got := pause(0, &replyError{Status: 429, RetryAfter: tc.asked}); got < tc.least || got > tc.most {
				t.Errorf("asked for %v: got %v, want %v to %v", tc.asked, got, tc.least, tc.most)
			}
		}
	}
}

func TestAround(t *testing.T) {
	var sum time.Duration
	for range 1000 {
		got := jittered(time.Minute)
		if got < 45*time.Second || got > 75*time.Second {
			t.Fatalf("got %v", got)
		}
		sum += got
	}
	if mean := sum / 1000; mean < 58*time.Second || mean > 62*time.Second {
		t.Errorf("%v on average", mean)
	}
	if jittered(0) != 0 || jittered(3) != 3 {
		t.Error("the smallest waits change")
	}
}

func TestRepeat(t *testing.T) {
	away := &replyError{Status: 503}
	t.Run("for as long as patience lasts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			begin, count := time.Now(), 0
			err := repeat(t.Context(), resultPatience, func() error { count++; return away })
			took := time.Since(begin)
			if !errors.Is(err, away) || took < 10*time.Minute || took > resultPatience || count < 20 || count > 100 {
				t.Errorf("%d times in %v, then %v", count, took, err)
			}
		})
	})
	t.Run("until it is answered", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			count := 0
			err := repeat(t.Context(), time.Minute, func() error {
				if count++; count < 4 {
					return away
				}
				return nil
			})
			if err != nil || count != 4 {
				t.Errorf("%d times, then %v", count, err)
			}
		})
	})
	t.Run("not what is final", func(t *testing.T) {
		for _, status := range []int{400, 403, 409} {
			count := 0
			_ = repeat(t.Context(), time.Minute, func() error { count++; return &replyError{Status: status} })
			if count != 1 {
				t.Errorf("%d: %d times, want once", status, count)
			}
		}
	})
	t.Run("until it is stopped", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(10*time.Second, func() { cancel(errLost) })
			begin := time.Now()
			err := repeat(ctx, time.Hour, func() error { return away })
			if !errors.Is(err, errLost) || time.Since(begin) != 10*time.Second {
				t.Errorf("after %v: %v", time.Since(begin), err)
			}
		})
	})
}
