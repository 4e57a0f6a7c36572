package durable_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"runlease/shared/dispatch"
	"runlease/shared/durable"
	"runlease/shared/durable/control"
	"runlease/shared/job"
	"runlease/shared/problem"
	"runlease/shared/testkit/until"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// filled is a folder with some queued jobs, closed.
func filled(t *testing.T) (dir string, ids []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	db, err := durable.Open(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	queue, err := db.Queue()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		ids = append(ids, create(t, db.Store(), queue, fmt.Sprintf("j-%d", i)))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, ids
}

// begun opens a folder that its test closes.
func begun(t *testing.T, dir string) *durable.DB {
	t.Helper()
	db, err := durable.Open(dir, quiet())
	check(t, err)
	return db
}

func create(t *testing.T, store dispatch.Store, queue dispatch.Queue, id string) string {
	t.Helper()
	j, _ := job.SubmitOp{Now: 1}.Apply(job.CreateOp{Now: 1, ID: id, Problem: 1}.New())
	j.Revision, j.WriteID = 1, "00"
	err := queue.Ring(t.Context(), j.Message())
	if err == nil {
		_, _, err = store.Create(t.Context(), j)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// holds insists on every job, and that its message comes.
func holds(t *testing.T, db *durable.DB, ids []string, rung ...string) {
	t.Helper()
	queue, err := db.Queue()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if _, found, err := db.Store().Get(t.Context(), id); err != nil || !found {
			t.Fatalf("job %s: found %v, error %v", id, found, err)
		}
	}
	if depth, err := queue.Depth(t.Context()); err != nil || depth.Visible != len(ids)+len(rung) {
		t.Errorf("%d messages, want %d: %v", depth.Visible, len(ids)+len(rung), err)
	}
}

// TestFoldersThatAreRefused: each with an error that names the cure, and nothing
// in it is changed.
func TestFoldersThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  string
	}{
		{"another program's folder", func(t *testing.T, dir string) {
			check(t, os.Rename(filepath.Join(dir, "state.db"), filepath.Join(dir, "notes.txt")))
		}, "name an empty one"},
		{"another program's database", func(t *testing.T, dir string) {
			check(t, os.Remove(filepath.Join(dir, "state.db")))
			other, err := bbolt.Open(filepath.Join(dir, "state.db"), 0o600, nil)
			check(t, err)
			check(t, other.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("theirs")); return err }))
			check(t, other.Close())
		}, "another program's database"},
		{"no database at all", func(t *testing.T, dir string) {
			check(t, os.WriteFile(filepath.Join(dir, "state.db"), []byte(strings.Repeat("no database", 2000)), 0o600))
		}, "restore the last backup"},
		{"empty", func(t *testing.T, dir string) {
			check(t, os.Truncate(filepath.Join(dir, "state.db"), 0))
		}, "restore the last backup"},
		{"torn", func(t *testing.T, dir string) {
			check(t, os.Truncate(filepath.Join(dir, "state.db"), 3*4096))
		}, "restore the last backup"},
		{"cut off", func(t *testing.T, dir string) {
			whole, err := bbolt.Open(filepath.Join(dir, "state.db"), 0o600, nil)
			check(t, err)
			var size int64
			check(t, whole.View(func(tx *bbolt.Tx) error { size = tx.Size(); return nil }))
			check(t, whole.Close())
			check(t, os.Truncate(filepath.Join(dir, "state.db"), size-4096))
		}, "restore the last backup"},
		{"of a newer version", func(t *testing.T, dir string) {
			newer, err := bbolt.Open(filepath.Join(dir, "state.db"), 0o600, nil)
			check(t, err)
			check(t, newer.Update(func(tx *bbolt.Tx) error {
				return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte{0, 0, 0, 0, 0, 0, 0, 9})
			}))
			check(t, newer.Close())
		}, "of format 9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _ := filled(t)
			c.spoil(t, dir)
			before := contents(t, dir)
			db, err := durable.Open(dir, quiet())
			if err == nil {
				_ = db.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, want it to say %q", err, c.want)
			}
			if after := contents(t, dir); after != before {
				t.Error("the folder was changed")
			}
		})
	}
}

// TestOthersAreKeptOut: of a folder that somebody has made for us, too.
func TestOthersAreKeptOut(t *testing.T) {
	for made, want := range map[os.FileMode]os.FileMode{0o777: 0o750, 0o755: 0o750, 0o750: 0o750, 0o700: 0o700} {
		dir := t.TempDir()
		check(t, os.Chmod(dir, made))
		opened(t, dir)
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != want {
			t.Errorf("%o became %v, want %o, %v", made, info.Mode(), want, err)
		}
	}
}

// TestSecondProcess: the folder is of one at a time, also for a restore.
func TestSecondProcess(t *testing.T) {
	dir, ids := filled(t)
	db := opened(t, dir)
	if second, err := durable.Open(dir, quiet()); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Fatalf("got %v, %v", second, err)
	}
	if _, err := durable.Restore(t.Context(), dir, dir, time.Now()); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("restore: %v", err)
	}
	holds(t, db, ids)
}

// overSocket is a folder as the operator's command reaches it while a server has it.
func overSocket(t *testing.T, dir string, db *durable.DB) (operator control.Folder) {
	t.Helper()
	hooks, err := db.Webhooks()
	check(t, err)
	go func() { _ = control.Serve(t.Context(), dir, db, hooks, quiet()) }()
	until.NoError(t, until.Hang, func() error {
		operator, err = control.Open(t.Context(), dir)
		return err
	})
	return operator
}

// TestBackup: a copy of a folder in use, through the socket of the server that has it,
// takes the folder's place later.
func TestBackup(t *testing.T) {
	dir, ids := filled(t)
	again := durable.SettleAfter(2 * time.Second)
	defer again()
	db := begun(t, dir)
	queue, err := db.Queue()
	check(t, err)
	body := "code"
	a := job.Artifact{Size: 4, SHA256: "5694d08a2e53ffcae0c3103e5ad6f6076abd960eb1f8a56577040bc1028f702b"}
	key := "code/j-0/" + a.SHA256 + ".zip"
	if stored, err := db.Objects().Save(key, strings.NewReader(body), a); err != nil || !stored {
		t.Fatalf("stored %v, %v", stored, err)
	}
	operator := overSocket(t, dir, db)
	if info, err := os.Stat(filepath.Join(dir, "control.sock")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	ids = append(ids, create(t, db.Store(), queue, "last"))
	to := filepath.Join(t.TempDir(), "copy")
	check(t, operator.Backup(t.Context(), to))
	if err := operator.Backup(t.Context(), to); err == nil {
		t.Error("a backup over another one")
	}
	create(t, db.Store(), queue, "later")
	check(t, db.Close())

	kept, err := durable.Restore(t.Context(), to, dir, time.Now())
	check(t, err)
	if _, err := os.Stat(filepath.Join(kept, "state.db")); err != nil {
		t.Errorf("what was there: %v", err)
	}
	back := opened(t, dir)
	holds(t, back, ids)
	if _, found, _ := back.Store().Get(t.Context(), "later"); found {
		t.Error("the backup has what came after it")
	}
	if o, found, err := back.Objects().Find(key); err != nil || !found {
		t.Errorf("object: found %v, %v", found, err)
	} else {
		check(t, o.Close())
	}
}

// TestMessagesKeepTheirTime: what is hidden stays so over a restart, its handle is
// good, and an older handle never fits another message.
func TestMessagesKeepTheirTime(t *testing.T) {
	dir, _ := filled(t)
	db := begun(t, dir)
	queue, err := db.Queue()
	check(t, err)
	got, err := queue.Receive(t.Context(), 2, time.Hour)
	check(t, err)
	check(t, queue.Delete(t.Context(), []string{got[1].Handle}))
	check(t, db.Close())
	db = begun(t, dir)
	queue, err = db.Queue()
	check(t, err)
	if depth, _ := queue.Depth(t.Context()); depth.Visible != 298 {
		t.Errorf("%d depth.Visible, want 298: one hidden, one deleted", depth.Visible)
	}
	check(t, queue.Delete(t.Context(), []string{got[1].Handle}))
	check(t, queue.Hide(t.Context(), []dispatch.Hiding{{Handle: got[0].Handle}}))
	if depth, _ := queue.Depth(t.Context()); depth.Visible != 299 {
		t.Errorf("%d visible after the hidden one was given back, want 299", depth.Visible)
	}
	check(t, queue.Ring(t.Context(), job.Message{Job: "new", Bell: 1}))
	check(t, db.Close())
	queue, err = opened(t, dir).Queue()
	check(t, err)
	if depth, _ := queue.Depth(t.Context()); depth.Visible != 300 {
		t.Errorf("%d visible, want 300: a new message takes no other's place", depth.Visible)
	}
}

// TestMessagesOfPools: each is in its queue after a restart, and a pool that has some stays.
func TestMessagesOfPools(t *testing.T) {
	dir := t.TempDir()
	db := begun(t, dir)
	queues, err := db.Queues("exam")
	check(t, err)
	for id, pool := range map[string]job.Pool{"a": "", "b": "exam", "c": "exam"} {
		check(t, queues[pool].Ring(t.Context(), job.Message{Job: id, Bell: 1}))
	}
	create(t, db.Store(), queues[""], "d") // what is rung is on the disk with the next write
	check(t, db.Close())
	db = opened(t, dir)
	if _, err := db.Queues("other"); err == nil || !strings.Contains(err.Error(), "exam has 2 messages") {
		t.Errorf("a pool with messages is taken away: %v", err)
	}
	queues, err = db.Queues("exam")
	check(t, err)
	for pool, q := range queues {
		if depth, _ := q.Depth(t.Context()); depth.Visible != 2 {
			t.Errorf("%d messages of the pool %q, want 2", depth.Visible, pool)
		}
	}
}

// TestClock: an hour back or forth moves no lease by more than a tenth, and the
// time never goes back, not even over a restart.
func TestClock(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		wall, running := time.Unix(1_800_000_000, 0), time.Duration(0)
		c := durable.ClockOf(0, func() time.Time { return wall }, func() time.Duration { return running })
		began := c.Now()
		wall = wall.Add(jump)
		for range 600 {
			wall, running = wall.Add(time.Second), running+time.Second
			c.Now()
		}
		if passed := c.Now().Sub(began); passed < 9*time.Minute || passed > 11*time.Minute {
			t.Errorf("ten minutes after a jump of %s it is %s later", jump, passed)
		}
		for range 12 * 3600 {
			wall, running = wall.Add(time.Second), running+time.Second
			c.Now()
		}
		if off := c.Now().Sub(wall).Abs(); off > time.Second {
			t.Errorf("half a day after a jump of %s it is off by %s", jump, off)
		}
		last := c.Now()
		again := durable.ClockOf(last.UnixMilli(), func() time.Time { return wall.Add(-time.Hour) }, func() time.Duration { return 0 })
		if got := again.Now(); last.Sub(got) > time.Millisecond {
			t.Errorf("after a restart it is %s before the last write", last.Sub(got))
		}
	}
	wall := time.Unix(0, 0) // a machine that does not know the time, until it is told
	c := durable.ClockOf(0, func() time.Time { return wall }, func() time.Duration { return 0 })
	c.Now()
	if wall = time.Unix(1_800_000_000, 0); !c.Now().Equal(wall) {
		t.Errorf("it is %s, want %s", c.Now(), wall)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// contents is every file of a folder with its bytes, except for what opening makes anew.
func contents(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, err)
	var all strings.Builder
	for _, e := range entries {
		body, err := os.ReadFile(filepath.Join(dir, e.Name()))
		check(t, err)
		fmt.Fprintf(&all, "%s %d %x\n", e.Name(), len(body), body)
	}
	return all.String()
}

// TestOldThingsGo: final jobs after their days, and objects after theirs.
func TestOldThingsGo(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	queue, err := db.Queue()
	check(t, err)
	create(t, db.Store(), queue, "open")
	create(t, db.Store(), queue, "over")
	before, _, err := db.Store().Get(t.Context(), "over")
	check(t, err)
	after, _ := job.CancelOp{Now: 5}.Apply(before)
	after.Revision++
	if _, saved, err := db.Store().Save(t.Context(), before, after); err != nil || !saved {
		t.Fatal(saved, err)
	}
	due := after.ExpiresAt()
	for _, c := range []struct {
		now  job.Time
		want int
	}{{due, 0}, {due + 1, 1}, {due + 2, 0}} {
		if n, err := db.Store().Expire(t.Context(), c.now); err != nil || n != c.want {
			t.Errorf("at %d: %d jobs forgotten, want %d, %v", c.now-due, n, c.want, err)
		}
	}
	if _, found, _ := db.Store().Get(t.Context(), "open"); !found {
		t.Error("an open job was forgotten")
	}
	big := strings.Repeat("x", 300<<10) // at once in its file
	a := job.Artifact{Size: int64(len(big)), SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(big)))}
	for _, part := range []string{"code", "testdata", "results"} {
		if stored, err := db.Objects().Save(part+"/1/"+a.SHA256+".zip", strings.NewReader(big), a); err != nil || !stored {
			t.Fatal(stored, err)
		}
	}
	// Of test data what a version has stays, and so does what was just published.
	published := problem.Problem{ID: 1, Version: 1, Current: problem.Content{Testdata: a}, Revision: 1}
	if _, saved, err := db.Store().SaveProblem(t.Context(), problem.Problem{ID: 1}, published); err != nil || !saved {
		t.Fatal(saved, err)
	}
	for id := 2; id <= 3; id++ {
		key := fmt.Sprintf("testdata/%d/%s.zip", id, a.SHA256)
		if stored, err := db.Objects().Save(key, strings.NewReader(big), a); err != nil || !stored {
			t.Fatal(stored, err)
		}
		old := time.Now().AddDate(0, 0, -10*(id-2))
		check(t, os.Chtimes(filepath.Join(dir, key), old, old))
	}
	if kept, err := db.Objects().Keep("testdata/3/" + a.SHA256 + ".zip"); err != nil || !kept {
		t.Error(kept, err)
	}
	for _, c := range []struct{ days, want int }{{29, 0}, {31, 2}, {99, 0}, {101, 1}, {199, 0}, {201, 1}, {999, 0}} {
		if n, err := db.Objects().RemoveOld(t.Context(), time.Now().AddDate(0, 0, c.days)); err != nil || n != c.want {
			t.Errorf("after %d days: %d objects removed, want %d, %v", c.days, n, c.want, err)
		}
	}
}

// TestAnObjectThatWasRemovedStaysAway: it waits to be written to its file when it is
// taken away.
func TestAnObjectThatWasRemovedStaysAway(t *testing.T) {
	dir := t.TempDir()
	db, err := durable.Open(dir, quiet())
	check(t, err)
	body := "x"
	a := job.Artifact{Size: 1, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(body)))}
	for n := range 20 {
		key := fmt.Sprintf("code/%d/%s.zip", n, a.SHA256)
		if _, err := db.Objects().Save(key, strings.NewReader(body), a); err != nil {
			t.Fatal(err)
		}
		check(t, db.Objects().Remove(key))
	}
	check(t, db.Close()) // files what waits
	if left, err := filepath.Glob(dir + "/code/*/*"); err != nil || len(left) > 0 {
		t.Errorf("%d files came back, %v", len(left), err)
	}
}

// TestADiskThatFails: who writes hears of it, nobody sees what is not on the disk, and
// what nobody waited for is there once the disk works again.
func TestADiskThatFails(t *testing.T) {
	dir := t.TempDir()
	db := begun(t, dir)
	queue, err := db.Queue()
	check(t, err)
	store := db.Store()
	saves := func(id int) error {
		_, _, err := store.SaveProblem(t.Context(), problem.Problem{}, problem.Problem{ID: id, Revision: 1, WriteID: "1"})
		return err
	}
	check(t, db.Fail(t.Context(), true))
	check(t, queue.Ring(t.Context(), job.Message{Job: "a", Bell: 1}))
	if saves(1) == nil || queue.Ring(t.Context(), job.Message{Job: "b", Bell: 1}) == nil {
		t.Error("nobody hears that the disk fails")
	}
	if _, found, err := store.Problem(t.Context(), 1); found || err != nil {
		t.Errorf("a problem that is not on the disk: %v, %v", found, err)
	}
	release, put := db.Hold(), make(chan error, 1)
	go func() { put <- store.PutCode(t.Context(), job.Job{ID: "a"}, nil, 0) }()
	select {
	case err := <-put:
		release()
		t.Fatalf("code is not waited for while the disk fails: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	release()
	if err := <-put; err == nil {
		t.Error("code is kept on a disk that fails")
	}
	check(t, db.Fail(t.Context(), false))
	check(t, saves(2))
	check(t, db.Close())
	holds(t, opened(t, dir), nil, "a")
}

// TestOneRecordForMany: writes that arrive during a sync share the next record, up to a
// thousand.
func TestOneRecordForMany(t *testing.T) {
	dir := t.TempDir()
	db := begun(t, dir)
	release := db.Hold()
	for i := range 1010 {
		db.Owe(fmt.Sprint(i))
	}
	release()
	check(t, db.Close())
	if n := db.Records(); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
	if n := opened(t, dir).Stats().Waiting; n != 0 {
		t.Errorf("%d rows are read again that were in their tables", n)
	}
}

func TestWritesAfterTheEndFail(t *testing.T) {
	db, err := durable.Open(t.TempDir(), quiet())
	check(t, err)
	queue, err := db.Queue()
	check(t, err)
	check(t, db.Close())
	if _, _, err := db.Store().SaveProblem(t.Context(), problem.Problem{}, problem.Problem{ID: 1, Revision: 1, WriteID: "1"}); err == nil {
		t.Error("a problem was saved")
	}
	_ = queue.Ring(t.Context(), job.Message{Job: "a", Bell: 1}) // does not panic
}

// TestWhatANewerVersionWroteStays: a field of a job's row that this version does not
// know is there after a write of it.
func TestWhatANewerVersionWroteStays(t *testing.T) {
	dir, ids := filled(t)
	newer := []byte{0x80, 0x7d, 7} // field 2000, a number
	// row calls do with the job's row, whichever table it is in.
	row := func(do func(b *bbolt.Bucket, row []byte) error) {
		t.Helper()
		db, err := bbolt.Open(filepath.Join(dir, "state.db"), 0o600, nil)
		check(t, err)
		found := 0
		check(t, db.Update(func(tx *bbolt.Tx) error {
			return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
				row := b.Get([]byte(ids[0]))
				if len(row) == 0 {
					return nil
				}
				found++
				return do(b, row)
			})
		}))
		check(t, db.Close())
		if found != 1 {
			t.Fatalf("%d rows of the job", found)
		}
	}
	row(func(b *bbolt.Bucket, row []byte) error {
		return b.Put([]byte(ids[0]), append(slices.Clip(row), newer...))
	})

	db, err := durable.Open(dir, quiet())
	check(t, err)
	before, _, err := db.Store().Get(t.Context(), ids[0])
	check(t, err)
	after, _ := job.CancelOp{Now: 5}.Apply(before)
	after.Revision++
	if _, saved, err := db.Store().Save(t.Context(), before, after); err != nil || !saved {
		t.Fatal(saved, err)
	}
	check(t, db.Close())
	row(func(_ *bbolt.Bucket, row []byte) error {
		if !bytes.Contains(row, newer) {
			t.Errorf("the row is %x", row)
		}
		return nil
	})
}
