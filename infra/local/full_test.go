package main

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runlease/shared/testkit/until"
)

// TestFullDisk fills the disk under the server, in a separate mount namespace:
// what was answered is there, what cannot be kept is refused, the log names the
// cure, and once there is space the server goes on by itself.
func TestFullDisk(t *testing.T) {
	k := newKilled(t)
	disk, err := filepath.EvalSymlinks(t.TempDir()) // a link leads out of another process's root
	if err != nil {
		t.Fatal(err)
	}
	k.dir = filepath.Join(disk, "data")
	k.under = []string{"unshare", "-rm", "sh", "-c", `mount -t tmpfs -o size=24m none "$0" && head -c 8m /dev/zero > "$0/ballast" && exec "$@"`, disk}
	k.start()
	t.Cleanup(func() { _ = k.process.Process.Kill() }) // if it is there still
	k.publish()
	client := http.Client{Timeout: until.Hang}
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	f, err := w.CreateHeader(&zip.FileHeader{Name: "main.py", Method: zip.Store})
	if err == nil {
		_, err = io.WriteString(f, strings.Repeat("#\n", 12<<10)) // 24 KB
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	code := base64.StdEncoding.EncodeToString(packed.Bytes())
	create := func(n int) int {
		status, _ := k.call(client, "", "POST", "/jobs", fmt.Sprintf(`{"submissionId":"f-%d","problemId":1,"language":2,"code":%q}`, n, code))
		return status
	}
	n := 0
	for status := 0; ; n++ {
		if status = create(n); status >= 500 {
			break
		}
		if status != http.StatusCreated || n > 3000 {
			t.Fatalf("job %d on a full disk: %d", n, status)
		}
	}
	there := func() {
		t.Helper()
		for i := range n {
			status, body := k.call(client, "", "GET", fmt.Sprintf("/jobs/f-%d", i), "")
			var reply struct{ Data struct{ State string } }
			if err := json.Unmarshal(body, &reply); status != 200 || err != nil || reply.Data.State != "queued" {
				t.Fatalf("job %d of %d: %d %s", i, n, status, body)
			}
		}
	}
	there()
	if err := os.Remove(fmt.Sprintf("/proc/%d/root%s/ballast", k.process.Process.Pid, disk)); err != nil {
		t.Fatal(err)
	}
	until.True(t, until.Hang, "a job is written after there was space", func() bool { return create(n) == http.StatusCreated })
	n++
	there()
	k.stop()
	if log := k.complaints.String(); !strings.Contains(log, "is full: free some space") {
		t.Errorf("the log does not name the cure: %s", log)
	}
}
