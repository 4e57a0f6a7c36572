package durable_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"runlease/shared/auth"
	"runlease/shared/durable"
)

// TestJournal cuts a journal off at random, in the middle of a record that was not
// answered, while it goes from file to file: what was answered and is not settled is
// there, and nothing else.
func TestJournal(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	answered, last, settled := map[int64]string{}, int64(0), int64(0)
	turns := 0
	for range 24 {
		j, held, err := durable.OpenJournal(dir, settled)
		check(t, err)
		if len(held) != int(last-settled) {
			t.Fatalf("%d records above %d, want up to %d", len(held), settled, last)
		}
		for n, body := range held {
			if body != answered[n] {
				t.Fatalf("record %d is not what was answered", n)
			}
		}
		for range random.IntN(40) {
			before := size(t, dir, 0) + size(t, dir, 1)
			last++
			answered[last] = strings.Repeat(string(rune('a'+last%26)), 200<<10) // all alike, so that an older one begins where one ends
			check(t, j.Append(last, answered[last], settled))
			if random.IntN(20) == 0 {
				settled += random.Int64N(last - settled + 1)
			}
			if size(t, dir, 0)+size(t, dir, 1) == before {
				turns++
			}
		}
		if random.IntN(2) == 0 {
			j.Close()
			continue
		}
		// The next record, cut off.
		whole := folder(t, dir)
		check(t, j.Append(last+1, strings.Repeat(strconv.FormatUint(random.Uint64()|1<<63, 36), 200+random.IntN(500)), settled))
		j.Close()
		for name, was := range whole {
			now, err := os.ReadFile(name)
			check(t, err)
			at := 0
			for at < min(len(was), len(now)) && was[at] == now[at] {
				at++
			}
			if at == len(now) {
				continue
			}
			torn := append(bytes.Clone(now[:at+random.IntN(2000)]), was[min(len(was), at+2000):]...)
			check(t, os.WriteFile(name, torn, 0o600))
		}
	}
	if turns == 0 {
		t.Error("no record was written over older ones")
	}
}

func size(t *testing.T, dir string, n int) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "journal."+string(rune('0'+n))))
	check(t, err)
	return info.Size()
}

// folder is the bytes of a folder's files by their names.
func folder(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	check(t, err)
	all := map[string][]byte{}
	for _, name := range names {
		all[name], err = os.ReadFile(name)
		check(t, err)
	}
	return all
}

// TestAJournalThatIsDamaged: a record that was answered is not passed over, even
// if it is behind a damaged one.
func TestAJournalThatIsDamaged(t *testing.T) {
	again := durable.NeverSettle()
	defer again()
	dir := t.TempDir()
	db, err := durable.Open(dir, quiet())
	check(t, err)
	queue, err := db.Queue()
	check(t, err)
	for _, id := range []string{"a", "b", "c"} {
		create(t, db.Store(), queue, id)
	}
	left := copied(t, dir)
	check(t, db.Close())
	name := filepath.Join(left, "journal.0")
	whole, err := os.ReadFile(name)
	check(t, err)
	whole[40]++ // in the body of the first record
	check(t, os.WriteFile(name, whole, 0o600))
	before := contents(t, left)
	if _, err := durable.Open(left, quiet()); err == nil || !strings.Contains(err.Error(), "restore the last backup") {
		t.Errorf("got %v", err)
	}
	if contents(t, left) != before {
		t.Error("the folder was changed")
	}
}

// TestNewCredentialsAreOneRecord: a kill between them leaves none.
func TestNewCredentialsAreOneRecord(t *testing.T) {
	t.Cleanup(durable.NeverSettle()) // after the folder is closed
	dir := t.TempDir()
	db := opened(t, dir)
	second := auth.Credential{Hash: "0123456789absecond", ID: "0123456789ab"}
	check(t, db.Credentials().PutNew(t.Context(), auth.Credential{Hash: "first", ID: "first"}, second))
	for cut, want := range map[bool]int{false: 2, true: 0} {
		left := copied(t, dir)
		if name := filepath.Join(left, "journal.0"); cut {
			whole, err := os.ReadFile(name)
			check(t, err)
			check(t, os.Truncate(name, int64(bytes.Index(whole, []byte(second.Hash)))))
		}
		again, err := durable.Open(left, quiet())
		check(t, err)
		kept, _, err := again.Credentials().List(t.Context(), "", 10)
		if check(t, errors.Join(err, again.Close())); len(kept) != want {
			t.Errorf("cut %v: %d of 2", cut, len(kept))
		}
	}
}

// TestJournalOfBytesThatDeceive: what an append left that failed is not what is read, and
// neither is a record that a client has put into its bytes.
func TestJournalOfBytesThatDeceive(t *testing.T) {
	dir, foreign := t.TempDir(), t.TempDir()
	other, err := durable.OpenForeignJournal(foreign)
	check(t, err)
	check(t, other.Append(9, "forged", 0))
	other.Close()
	forged, err := os.ReadFile(filepath.Join(foreign, "journal.0"))
	check(t, err)
	j, _, err := durable.OpenJournal(dir, 0)
	check(t, err)
	long := strings.Repeat("a", 5<<20) // the next record may go to the other file
	for i, text := range []string{long, "second", long} {
		check(t, j.Append(int64(i+1), text, 0))
	}
	check(t, j.AppendFails(4, "not answered"))
	check(t, j.Append(4, "answered", 1))
	body := strings.Repeat("b", 512-28) + string(forged[:512])
	check(t, j.Append(5, body, 1))
	j.Close()
	for n := range 2 { // of record 5 only the end is on the disk
		name := filepath.Join(dir, "journal."+strconv.Itoa(n))
		text, err := os.ReadFile(name)
		check(t, err)
		if at := bytes.Index(text, []byte("bbbbbbbb")); at >= 0 {
			clear(text[at-28 : at])
			check(t, os.WriteFile(name, text, 0o600))
		}
	}
	j, held, err := durable.OpenJournal(dir, 1)
	check(t, err)
	defer j.Close()
	if len(held) != 3 || held[2] != "second" || held[4] != "answered" {
		t.Errorf("%d records, the last %q", len(held), held[4])
	}
	j.Fill()
	if err := j.Append(5, body, -1); err == nil || !strings.Contains(err.Error(), "too slow") {
		t.Errorf("a record behind the end: %v", err)
	}
}

// TestFormat1: its journal was a bucket of the database, with the rows and objects of
// the last second.
func TestFormat1(t *testing.T) {
	dir, ids := filled(t)
	check(t, os.Remove(filepath.Join(dir, "journal.0")))
	check(t, os.Remove(filepath.Join(dir, "journal.1")))
	body := "code"
	key := "code/j-0/5694d08a2e53ffcae0c3103e5ad6f6076abd960eb1f8a56577040bc1028f702b.zip"
	db, err := bbolt.Open(filepath.Join(dir, "state.db"), 0o600, nil)
	check(t, err)
	check(t, db.Update(func(tx *bbolt.Tx) error {
		rows, meta := tx.Bucket([]byte("j")), tx.Bucket([]byte("meta"))
		journal, err := tx.CreateBucket([]byte("journal"))
		check(t, err)
		entry := func(table, name string, value []byte) []byte {
			to := append([]byte(table), byte(len(name)))
			return append(binary.AppendUvarint(append(to, name...), uint64(len(value))+1), value...)
		}
		record := entry("b", key, []byte(body))
		record = append(record, entry("j", ids[0], rows.Get([]byte(ids[0])))...)
		check(t, journal.Put([]byte{0, 0, 0, 0, 0, 0, 0, 7}, record))
		check(t, rows.Delete([]byte(ids[0])))
		check(t, meta.Delete([]byte("settled")))
		return meta.Put([]byte("format"), []byte{0, 0, 0, 0, 0, 0, 0, 1})
	}))
	check(t, db.Close())
	for range 2 { // and from then on as any other
		db, err := durable.Open(dir, quiet())
		check(t, err)
		holds(t, db, ids)
		check(t, db.Close())
	}
	if got, err := os.ReadFile(filepath.Join(dir, key)); err != nil || string(got) != body {
		t.Errorf("object %q, %v", got, err)
	}
}
