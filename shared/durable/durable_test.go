package durable_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/durable"
	"runlease/shared/durable/control"
	"runlease/shared/memory"
	"runlease/shared/testkit/artifacttest"
	"runlease/shared/testkit/authtest"
	"runlease/shared/testkit/queuetest"
	"runlease/shared/testkit/storetest"
)

func opened(t *testing.T, dir string) *durable.DB {
	t.Helper()
	db, err := durable.Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestStore(t *testing.T) {
	empty := func(t *testing.T) dispatch.Store { return opened(t, t.TempDir()).Store() }
	storetest.Run(t, empty)
	storetest.Copies(t, empty)
	storetest.Roster(t, func(t *testing.T) dispatch.Roster { return opened(t, t.TempDir()).Store() })
}

func TestHistoriesAgainstMemory(t *testing.T) {
	storetest.Twins(t, memory.NewStore(), opened(t, t.TempDir()).Store())
}

func TestCredentials(t *testing.T) {
	authtest.Directory(t, func(t *testing.T) auth.Directory { return opened(t, t.TempDir()).Credentials() })
	// So the operator's command works on them, while a server has the folder and while none has it.
	t.Run("over the socket", func(t *testing.T) {
		authtest.Directory(t, func(t *testing.T) auth.Directory {
			dir := t.TempDir()
			return overSocket(t, dir, opened(t, dir))
		})
	})
	t.Run("without a server", func(t *testing.T) {
		authtest.Directory(t, func(t *testing.T) auth.Directory {
			dir, _ := filled(t)
			operator, err := control.Open(t.Context(), dir)
			check(t, err)
			t.Cleanup(func() { check(t, operator.Close()) })
			return operator
		})
	})
}

func TestQueue(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) queuetest.Harness {
		db := opened(t, t.TempDir())
		var passed atomic.Int64
		db.Clock.Jump(&passed)
		queue, err := db.Queue()
		if err != nil {
			t.Fatal(err)
		}
		return queuetest.Harness{Queue: queue, Now: db.Clock.Now, Pass: func(d time.Duration) { passed.Add(int64(d)) }}
	})
}

func TestArtifacts(t *testing.T) {
	artifacttest.Run(t, func(t *testing.T) artifacttest.Harness {
		mux := http.NewServeMux()
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		objects := opened(t, t.TempDir()).Objects()
		at := func(age time.Duration) *memory.Artifacts {
			return memory.ArtifactsOf(objects, server.URL, []byte("secret"), func() time.Time { return time.Now().Add(-age) })
		}
		artifacts := at(0)
		mux.Handle(memory.BlobPath, artifacts)
		return artifacttest.Harness{
			Artifacts: artifacts, Client: server.Client(),
			Aged: func(age time.Duration) dispatch.Artifacts { return at(age) },
		}
	})
}
