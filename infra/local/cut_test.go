package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"runlease/shared/durable"
	"runlease/shared/job"
	"runlease/shared/testkit/powercut"
	"runlease/shared/testkit/zips"
)

// TestPowerCut is TestKilled, but what the kills leave is what power cuts would.
func TestPowerCut(t *testing.T) {
	k := newKilled(t)
	c := &powercut.Cut{Folder: filepath.Join(k.dir, "code"), Log: filepath.Join(t.TempDir(), "strace")}
	for _, name := range []string{"state.db", "journal.0", "journal.1"} {
		c.Files = append(c.Files, filepath.Join(k.dir, name))
	}
	k.start()
	k.publish()
	k.stop()
	lost := 0
	for range *cuts {
		k.cut = c
		k.start()
		k.load()
		_ = k.process.Wait()
		n, err := c.Rebuild()
		if err != nil {
			t.Fatal(err)
		}
		lost += n
		k.cut = nil
		k.start()
		k.check(false)
		k.stop()
	}
	k.start()
	k.drain()
	k.check(true)
	k.stop()
	k.codes()
	t.Logf("%d power cuts, %d writes and files lost or torn, %d requests acknowledged, %d jobs, %d results", *cuts, lost, k.acked.Load(), len(k.scores), k.results)
	if lost == 0 {
		t.Error("no cut lost anything: that proves little")
	}
}

// codes reads the code of every job from its file, or its row, once the server has ended.
func (k *killed) codes() {
	k.t.Helper()
	db, err := durable.Open(k.dir, slog.New(slog.DiscardHandler))
	if err != nil {
		k.t.Fatal(err)
	}
	defer db.Close()
	for id := range k.scores {
		if !hasLongCode(id) {
			j, found, err := db.Store().Get(k.t.Context(), id)
			read, err2 := db.Store().ReadCodes(k.t.Context(), []job.Job{j})
			if !found || err != nil || err2 != nil || string(read[id].Zip) != string(zips.Code("")) {
				k.t.Fatalf("the code of job %s is not there: job %v, %q, %v, %v", id, found, read[id].Zip, err, err2)
			}
			continue
		}
		files, err := filepath.Glob(filepath.Join(k.dir, "code", id, "*.zip"))
		var body []byte
		if err == nil && len(files) == 1 {
			body, err = os.ReadFile(files[0])
		}
		if err != nil || len(body) == 0 || !bytes.HasPrefix(body, []byte("PK")) {
			k.t.Fatalf("the code of job %s is not there: %d files, %q, %v", id, len(files), body, err)
		}
	}
}

// stop kills the server while nothing is under way.
func (k *killed) stop() {
	k.t.Helper()
	time.Sleep(10 * time.Millisecond)
	if err := k.process.Process.Kill(); err != nil {
		k.t.Error(err)
	}
	_ = k.process.Wait()
}
