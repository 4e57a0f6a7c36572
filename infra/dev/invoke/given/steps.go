package given

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// What events and steps speak of. A bare job's problem has no test data.
const (
	JobID   = "sub-1001"
	bareID  = "sub-1002"
	spareID = "sub-1003"
	problem = 101
	bare    = 102

	firstTasks  = `[{"taskScore":40,"caseCount":2,"memoryLimit":65536,"timeLimit":1000},{"taskScore":60,"caseCount":1,"memoryLimit":65536,"timeLimit":2000}]`
	secondTasks = `[{"taskScore":100,"caseCount":1,"memoryLimit":65536,"timeLimit":1000}]`
)

// Small zips, whose sizes and hashes are written in the events.
var (
	code     = decode("UEsDBBQAAAAAAAAAIVrfzIrUGAAAABgAAAAHAAAAbWFpbi5weXByaW50KGludChpbnB1dCgpKSAqIDIpClBLAQIUAxQAAAAAAAAAIVrfzIrUGAAAABgAAAAHAAAAAAAAAAAAAACAAQAAAABtYWluLnB5UEsFBgAAAAABAAEANQAAAD0AAAAAAA==")
	testdata = decode("UEsDBBQAAAAAAAAAIVpABib+AwAAAAMAAAAHAAAAMDAwMC5pbjIxClBLAwQUAAAAAAAAACFaMSmG0QMAAAADAAAACAAAADAwMDAub3V0NDIKUEsDBBQAAAAAAAAAIVoSzUp+AgAAAAIAAAAHAAAAMDAwMS5pbjAKUEsDBBQAAAAAAAAAIVoSzUp+AgAAAAIAAAAIAAAAMDAwMS5vdXQwClBLAwQUAAAAAAAAACFaDeJc6QMAAAADAAAABwAAADAxMDAuaW4tMQpQSwMEFAAAAAAAAAAhWs6xccIDAAAAAwAAAAgAAAAwMTAwLm91dC0yClBLAQIUAxQAAAAAAAAAIVpABib+AwAAAAMAAAAHAAAAAAAAAAAAAACAAQAAAAAwMDAwLmluUEsBAhQDFAAAAAAAAAAhWjEphtEDAAAAAwAAAAgAAAAAAAAAAAAAAIABKAAAADAwMDAub3V0UEsBAhQDFAAAAAAAAAAhWhLNSn4CAAAAAgAAAAcAAAAAAAAAAAAAAIABUQAAADAwMDEuaW5QSwECFAMUAAAAAAAAACFaEs1KfgIAAAACAAAACAAAAAAAAAAAAAAAgAF4AAAAMDAwMS5vdXRQSwECFAMUAAAAAAAAACFaDeJc6QMAAAADAAAABwAAAAAAAAAAAAAAgAGgAAAAMDEwMC5pblBLAQIUAxQAAAAAAAAAIVrOsXHCAwAAAAMAAAAIAAAAAAAAAAAAAACAAcgAAAAwMTAwLm91dFBLBQYAAAAABgAGAEEBAADxAAAAAAA=")
	outputs  = decode("UEsDBBQAAAAAAAAAIVoxKYbRAwAAAAMAAAALAAAAMDAwMC5zdGRvdXQ0MgpQSwECFAMUAAAAAAAAACFaMSmG0QMAAAADAAAACwAAAAAAAAAAAAAAgAEAAAAAMDAwMC5zdGRvdXRQSwUGAAAAAAEAAQA5AAAALAAAAAAA")
)

// Values that a claim makes.
const (
	claimToken     = "claimToken"     // of the newest claim
	lostClaimToken = "lostClaimToken" // of the one before it

	rejudgeID = "rejudge" // of the newest rejudge of many
)

type step func(*World, context.Context) error

// steps by what they say. "job claimed by <runner>" is one more.
var steps = map[string]step{
	"problem drafted": func(w *World, ctx context.Context) error {
		_, err := w.draft(ctx)
		return err
	},
	"problem drafted and test data uploaded": (*World).uploadTestdata,
	"problem published": func(w *World, ctx context.Context) error {
		return errors.Join(w.uploadTestdata(ctx), w.publish(ctx, problem))
	},
	"problem changed": func(w *World, ctx context.Context) error {
		return w.producer(ctx, http.MethodPut, fmt.Sprintf("/problems/%d", problem), `{"tasks":`+secondTasks+`}`)
	},
	"bare problem published": func(w *World, ctx context.Context) error {
		return errors.Join(
			w.producer(ctx, http.MethodPut, fmt.Sprintf("/problems/%d", bare), `{"tasks":`+secondTasks+`}`),
			w.publish(ctx, bare),
		)
	},
	"job created": func(w *World, ctx context.Context) error {
		_, err := w.create(ctx, JobID)
		return err
	},
	"job created and code uploaded": func(w *World, ctx context.Context) error {
		data, err := w.create(ctx, JobID)
		if err != nil {
			return err
		}
		return w.upload(ctx, data, code)
	},
	"job submitted": func(w *World, ctx context.Context) error {
		return w.producer(ctx, http.MethodPost, "/jobs/"+JobID+"/submit", "")
	},
	"job queued": func(w *World, ctx context.Context) error {
		return w.queue(ctx, JobID, problem)
	},
	"bare job queued": func(w *World, ctx context.Context) error {
		return w.queue(ctx, bareID, bare)
	},
	// Its code is an object, as older and longer code is.
	"spare job queued": func(w *World, ctx context.Context) error {
		data, err := w.create(ctx, spareID)
		if err != nil {
			return err
		}
		return errors.Join(w.upload(ctx, data, code), w.producer(ctx, http.MethodPost, "/jobs/"+spareID+"/submit", ""))
	},
	"bare job claimed by judge-1": func(w *World, ctx context.Context) error {
		return w.claim(ctx, bareID, "judge-1")
	},
	"jobs listed": func(w *World, ctx context.Context) error {
		_, err := w.do(ctx, ask{http.MethodGet, "/runner/jobs?limit=10", "judge-1", ""})
		return err
	},
	"outputs uploaded by judge-1": func(w *World, ctx context.Context) error {
		data, err := w.do(ctx, ask{http.MethodPost, "/runner/jobs/" + JobID + "/outputs", "judge-1", `{"token":"` + w.Values[claimToken] + `",` + artifact(outputs)[1:]})
		if err != nil {
			return err
		}
		return w.upload(ctx, data, outputs)
	},
	"job completed by judge-1": func(w *World, ctx context.Context) error {
		return w.complete(ctx, "42")
	},
	"job completed without outputs by judge-1": func(w *World, ctx context.Context) error {
		return w.complete(ctx, "")
	},
	"job released by judge-1": func(w *World, ctx context.Context) error {
		_, err := w.do(ctx, ask{http.MethodPost, "/runner/jobs/" + JobID + "/release", "judge-1", `{"token":"` + w.Values[claimToken] + `","reason":"drain"}`})
		return err
	},
	"job cancelled": func(w *World, ctx context.Context) error {
		return w.producer(ctx, http.MethodPost, "/jobs/"+JobID+"/cancel", "")
	},
	"job rejudged": func(w *World, ctx context.Context) error {
		return w.producer(ctx, http.MethodPost, "/jobs/"+JobID+"/rejudge", `{"generation":0}`)
	},
	// A function remembers the record of a runner for a minute, so these have runners
	// that no other event names.
	"runner judge-5 heard": func(w *World, ctx context.Context) error { return w.heard(ctx, "judge-5") },
	"runner judge-6 paused": func(w *World, ctx context.Context) error {
		return errors.Join(w.heard(ctx, "judge-6"), w.producer(ctx, http.MethodPost, "/ops/runners/judge-6", `{"act":"pause","why":"its disk is full"}`))
	},
	"problem 103 drafted": func(w *World, ctx context.Context) error { return w.other(ctx, 103) },
	"problem 109 drafted": func(w *World, ctx context.Context) error { return w.other(ctx, 109) },
	"problem 111 drafted": func(w *World, ctx context.Context) error { return w.other(ctx, 111) },
	"problem 108 paused": func(w *World, ctx context.Context) error {
		return errors.Join(w.other(ctx, 108), w.producer(ctx, http.MethodPost, "/ops/pause", `{"problemId":108,"why":"a wrong test case"}`))
	},
	"problem rejudged": func(w *World, ctx context.Context) error {
		return w.producer(ctx, http.MethodPost, "/ops/rejudges", fmt.Sprintf(`{"problemId":%d,"why":"a wrong test case"}`, problem))
	},
	"rejudge of problem 110 begun": func(w *World, ctx context.Context) error {
		if err := w.other(ctx, 110); err != nil {
			return err
		}
		data, err := w.do(ctx, ask{method: http.MethodPost, path: "/ops/rejudges", body: `{"problemId":110,"why":"a wrong test case"}`})
		if err != nil {
			return err
		}
		id, isText := data["id"].(string)
		if !isText {
			return errors.New("a rejudge without an id")
		}
		w.Values[rejudgeID] = id
		return nil
	},
	"messages lost":   func(w *World, ctx context.Context) error { return w.Messages.Lose(ctx) },
	"message garbled": func(w *World, ctx context.Context) error { return w.Messages.Garble(ctx) },
	"swept": func(w *World, ctx context.Context) error {
		_, err := w.Dispatch.Sweep(ctx)
		return err
	},
}

// Steps lists every step, for documentation and tests.
func Steps() []string {
	names := []string{"job claimed by <runner>"}
	for name := range steps {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (w *World) take(ctx context.Context, what string) error {
	if runner, isClaim := strings.CutPrefix(what, "job claimed by "); isClaim {
		return w.claim(ctx, JobID, runner)
	}
	step, known := steps[what]
	if !known {
		return fmt.Errorf("no such step; there are: %s", strings.Join(Steps(), "; "))
	}
	return step(w, ctx)
}

func (w *World) producer(ctx context.Context, method, path, body string) error {
	_, err := w.do(ctx, ask{method: method, path: path, body: body})
	return err
}

func (w *World) heard(ctx context.Context, runner string) error {
	_, err := w.do(ctx, ask{http.MethodGet, "/runner/jobs", runner, ""})
	return err
}

// other drafts a problem of no job.
func (w *World) other(ctx context.Context, id int) error {
	return w.producer(ctx, http.MethodPut, fmt.Sprintf("/problems/%d", id), `{"tasks":`+secondTasks+`}`)
}

func (w *World) draft(ctx context.Context) (map[string]any, error) {
	return w.do(ctx, ask{method: http.MethodPut, path: fmt.Sprintf("/problems/%d", problem), body: `{"tasks":` + firstTasks + `,"testdata":` + artifact(testdata) + `}`})
}

func (w *World) uploadTestdata(ctx context.Context) error {
	data, err := w.draft(ctx)
	if err != nil {
		return err
	}
	return w.upload(ctx, data, testdata)
}

func (w *World) publish(ctx context.Context, problem int) error {
	return w.producer(ctx, http.MethodPost, fmt.Sprintf("/problems/%d/publish", problem), "")
}

func (w *World) create(ctx context.Context, id string) (map[string]any, error) {
	return w.do(ctx, ask{method: http.MethodPost, path: "/jobs", body: newJob(id, problem, artifact(code))})
}

func (w *World) queue(ctx context.Context, id string, problem int) error {
	return w.producer(ctx, http.MethodPost, "/jobs", newJob(id, problem, `"`+base64.StdEncoding.EncodeToString(code)+`"`))
}

func (w *World) claim(ctx context.Context, id, runner string) error {
	data, err := w.do(ctx, ask{http.MethodPost, "/runner/jobs/" + id + "/claim", runner, ""})
	if err != nil {
		return err
	}
	token, isText := data["token"].(string)
	if !isText {
		return errors.New("a claim without a token")
	}
	if before, isSecond := w.Values[claimToken]; isSecond {
		w.Values[lostClaimToken] = before
	}
	w.Values[claimToken] = token
	return nil
}

func (w *World) complete(ctx context.Context, stdout string) error {
	one := fmt.Sprintf(`{"exitCode":0,"status":"AC","stdout":%q,"stderr":"","execTime":12,"memoryUsage":2048}`, stdout)
	tasks := "[[" + one + "," + one + "],[" + one + "]]"
	_, err := w.do(ctx, ask{http.MethodPut, "/runner/jobs/" + JobID + "/complete", "judge-1", `{"token":"` + w.Values[claimToken] + `","tasks":` + tasks + `}`})
	return err
}

// newJob is the body of POST /jobs.
func newJob(id string, problem int, code string) string {
	return fmt.Sprintf(`{"submissionId":%q,"problemId":%d,"language":2,"group":"contest-7","code":%s}`, id, problem, code)
}

func artifact(b []byte) string {
	sum := sha256.Sum256(b)
	return fmt.Sprintf(`{"size":%d,"sha256":%q}`, len(b), hex.EncodeToString(sum[:]))
}

func decode(text string) []byte {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}
