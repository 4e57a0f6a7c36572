package bridge

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"time"

	"runlease/shared/bridge/journal"
	"runlease/shared/ident"
	"runlease/shared/language"
)

const (
	// maxSubmit bounds the whole request, in bytes. The back end takes 10,000,000 bytes
	// of source, which fit in the zip of language.MaxZip.
	maxSubmit = language.MaxZip + 1<<20
	// maxField is how large a field of the form may be. The checker's text
	// is not read.
	maxField = 256 << 10
	// maxStranger is that of fields before the token, which comes first.
	maxStranger = 4 << 10
	// maxID leaves room for what is put behind an id in runlease.
	maxID = 60
)

// submit is POST /submit/{id}. The back end sends each submission once, whatever
// is answered, and accepts its verdict whatever was answered: 200 means that the
// submission is on this disk.
func (b *Bridge) submit(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxSubmit)
	answer := refusal{http.StatusOK, "ok"}
	if err := b.receive(r); err != nil {
		answer = b.explain(r, err)
		// A client that still sends would lose the answer.
		_, _ = io.Copy(io.Discard, r.Body)
	}
	b.counts.submits.WithLabelValues(strconv.Itoa(answer.status)).Inc()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.text)
}

func (b *Bridge) receive(r *http.Request) error {
	id := r.PathValue("id")
	if !ident.Job(id) || len(id) > maxID {
		return broken("the id of the submission is malformed")
	}
	form, err := r.MultipartReader()
	if err != nil {
		return broken("want a form with files (multipart/form-data)")
	}
	s, err := b.readForm(r.Context(), id, form)
	if err != nil {
		return err
	}
	arrived := b.fence.come(r.Context(), id)
	defer arrived()
	var older string
	after, _, err := b.Journal.Update(id, func(current *journal.Submission) bool {
		older = current.File
		*current = s.next(id, *current)
		return true
	})
	if err != nil {
		// A sync that fails may leave what was written in its place: then it is judged,
		// though nobody can promise that it is kept.
		if now, _, unread := b.Journal.Submission(id); unread == nil && now.File == s.zip.Name {
			b.enqueue(now)
			return err
		}
		return errors.Join(err, b.Journal.Remove(s.zip.Name))
	}
	if err := b.Journal.Remove(older); err != nil {
		b.Log.Warn("the code of an older round stays until the next start", "submission", id, "error", err)
	}
	b.enqueue(after)
	b.Log.InfoContext(r.Context(), "received", "submission", id, "round", after.Round, "problem", s.problem, "language", s.language, "bytes", s.zip.Size)
	return nil
}

// explain makes an answer of an error. 500 tells the student 202, and nothing is
// sent again: it is for a disk that cannot be written to.
func (b *Bridge) explain(r *http.Request, err error) refusal {
	answer, is := errors.AsType[*refusal](err)
	if !is {
		answer = &refusal{http.StatusInternalServerError, "the bridge cannot write to its disk"}
		b.full.filled()
		if journal.IsFull(err) {
			answer.text = "the disk of the bridge is full"
		}
	}
	b.Log.WarnContext(r.Context(), "a submission is refused", "submission", r.PathValue("id"), "status", answer.status, "error", err)
	return *answer
}

// sent is what a request holds.
type sent struct {
	problem, language int
	zip               journal.Zip
}

// refusal is an answer that is not 200.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func broken(text string) error { return &refusal{http.StatusBadRequest, text} }

var errCut = broken("the form is cut off, or too large")

// readForm reads the form, whose token stands before its file: without it nothing
// reaches the disk, and no other request waits. An error is a *refusal or a disk error.
func (b *Bridge) readForm(ctx context.Context, id string, form *multipart.Reader) (sent, error) {
	numbers := map[string]int{}
	known := false
	for {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return sent{}, broken("the form has no file src")
		case err != nil:
			return sent{}, errCut
		case part.FormName() == "src":
			return b.readFile(ctx, id, part, known, numbers)
		}
		most := maxStranger
		if known {
			most = maxField
		}
		value, err := io.ReadAll(io.LimitReader(part, int64(most)+1))
		if err != nil || len(value) > most {
			return sent{}, errCut
		}
		switch name := part.FormName(); name {
		case "token":
			known = b.knows(string(value))
		case "problem_id", "language":
			n, err := strconv.ParseInt(string(value), 10, 32)
			if err != nil {
				return sent{}, broken(name + " is no number")
			}
			numbers[name] = int(n)
		}
	}
}

// readFile reads the file of a form whose fields came before it.
func (b *Bridge) readFile(ctx context.Context, id string, file io.Reader, known bool, numbers map[string]int) (sent, error) {
	problem, lang := numbers["problem_id"], -1
	if n, said := numbers["language"]; said {
		lang = n
	}
	switch {
	case !known:
		return sent{}, &refusal{http.StatusForbidden, "invalid token"}
	case problem < 1:
		return sent{}, broken("problem_id is missing, or no id of a problem")
	case lang < 0:
		return sent{}, broken("language is missing, or no number of a language")
	}
	written, err := take(ctx, b.receiving)
	if err != nil {
		return sent{}, errCut // the client has gone away
	}
	defer written()
	zip, err := b.Journal.Receive(id, file, language.MaxZip)
	switch {
	case errors.Is(err, journal.ErrTooLarge), journal.ReadFailed(err):
		return sent{}, errCut
	case err != nil:
		return sent{}, err
	}
	return sent{problem, lang, zip}, nil
}

// next is a submission after it has come again, or for the first time. Its job is
// remembered if it is the same work.
func (s sent) next(id string, before journal.Submission) journal.Submission {
	now := time.Now()
	after := journal.Submission{
		ID: id, Round: before.Round + 1, State: journal.Received,
		Problem: s.problem, Language: s.language, Size: s.zip.Size, SHA256: s.zip.SHA256, File: s.zip.Name,
		ReceivedAt: now, ChangedAt: now,
	}
	if before.SHA256 == after.SHA256 && before.Problem == after.Problem && before.Language == after.Language {
		after.Job, after.Generation, after.Checksum = before.Job, before.Generation, before.Checksum
		after.Kept = before.Kept && before.Fault == nil
	}
	return after
}
