// Package control lets the operator's command work on a folder while a server has it
// open: over a socket in the folder, which only the folder's owner may use. Without a
// server, the command opens the folder itself.
package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"runlease/shared/announce"
	"runlease/shared/auth"
	"runlease/shared/durable"
)

// socket is the name of the socket in the folder.
const socket = "control.sock"

// Folder is what the operator can do to a folder.
type Folder interface {
	auth.Directory
	announce.Endpoints
	announce.Graveyard
	// Backup makes a consistent copy in a folder that is empty or does not exist.
	Backup(ctx context.Context, to string) error
	// Close gives the folder back.
	Close() error
}

// request is one call: which method, and what it is given.
type request struct {
	Method     string
	Credential auth.Credential
	Text       string // hash, cursor, id or folder
	Limit      int
	At         time.Time
	Endpoint   announce.Endpoint
}

// reply is what a method has returned.
type reply struct {
	Credential auth.Credential
	Page       []auth.Credential
	Text       string
	OK         bool
	Endpoints  []announce.Endpoint
	Letters    []announce.Letter
	Number     int
	Error      string
}

// local is a folder that this process has.
type local struct {
	*durable.Credentials
	*durable.Webhooks
	db *durable.DB
}

// Backup makes a copy.
func (l local) Backup(ctx context.Context, to string) error { return l.db.Backup(ctx, to) }

// Close gives the folder back.
func (l local) Close() error { return l.db.Close() }

// Open reaches a folder: through the server that has it, or by itself. A
// server must have been started with the folder before.
func Open(ctx context.Context, dir string) (Folder, error) {
	if _, err := os.Stat(filepath.Join(dir, "state.db")); err != nil {
		return nil, fmt.Errorf("%s is no data folder of a server: it has no state.db", dir)
	}
	r := remote{dir: dir}
	r.client.Transport = &http.Transport{DialContext: r.dial}
	_, err := r.call(ctx, request{Method: "ping"})
	if err == nil {
		return r, nil
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
		return nil, err
	}
	db, err := durable.Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	hooks, err := db.Webhooks()
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return local{db.Credentials(), hooks, db}, nil
}

// Serve answers the operator's command until ctx ends.
func Serve(ctx context.Context, dir string, db *durable.DB, hooks *durable.Webhooks, log *slog.Logger) error {
	name, done, err := short(dir)
	if err != nil {
		return err
	}
	defer done()
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a server that was killed
		return fmt.Errorf("make the control socket: %w", err)
	}
	// No other user can connect before the mode is set: the folder is 0700.
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", name)
	if err != nil {
		return fmt.Errorf("make the control socket: %w", err)
	}
	if err := os.Chmod(name, 0o600); err != nil {
		return errors.Join(fmt.Errorf("make the control socket: %w", err), listener.Close())
	}
	server := &http.Server{Handler: handler(local{db.Credentials(), hooks, db}), ReadHeaderTimeout: time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	ended := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer ended()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the control socket: %w", err)
	}
	return nil
}

// short is a name of the socket that fits into an address, however long the
// folder's is.
func short(dir string) (name string, done func(), err error) {
	name = filepath.Join(dir, socket)
	if len(name) < 100 {
		return name, func() {}, nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, fmt.Errorf("open the data folder: %w", err)
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", f.Fd(), socket), func() { _ = f.Close() }, nil
}

func handler(f Folder) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in request
		var out reply
		err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&in)
		if err == nil {
			switch in.Method {
			case "ping":
			case "lookup":
				out.Credential, out.OK, err = f.Lookup(r.Context(), in.Text)
			case "put":
				out.OK, err = f.Put(r.Context(), in.Credential)
			case "list":
				out.Page, out.Text, err = f.List(r.Context(), in.Text, in.Limit)
			case "revoke":
				out.Credential, out.OK, err = f.Revoke(r.Context(), in.Text, in.At)
			case "backup":
				err = f.Backup(r.Context(), in.Text)
			case "webhooks":
				out.Endpoints, err = f.Endpoints(r.Context())
			case "put-webhook":
				out.OK, err = f.PutEndpoint(r.Context(), in.Endpoint)
			case "remove-webhook":
				out.OK, err = f.RemoveEndpoint(r.Context(), in.Text)
			case "dead":
				out.Letters, err = f.Dead(r.Context())
			case "send-back":
				out.Number, err = f.SendBack(r.Context(), in.Text)
			default:
				err = fmt.Errorf("the server is of a version that does not know %q", in.Method)
			}
		}
		if err != nil {
			out.Error = err.Error()
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out) // the command has gone away
	})
}

// remote is a folder that a server has.
type remote struct {
	dir    string
	client http.Client
}

func (r *remote) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	name, done, err := short(r.dir)
	if err != nil {
		return nil, err
	}
	defer done()
	return new(net.Dialer).DialContext(ctx, "unix", name)
}

func (r remote) call(ctx context.Context, in request) (out reply, err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	asked, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://server/", bytes.NewReader(body))
	if err != nil {
		return out, err
	}
	response, err := r.client.Do(asked)
	if err != nil {
		return out, fmt.Errorf("ask the server that has %s: %w", r.dir, err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&out); err != nil {
		return out, fmt.Errorf("read the server's answer: %w", err)
	}
	if out.Error != "" {
		return out, errors.New(out.Error)
	}
	return out, nil
}

// Lookup reads a credential by the hash of its token.
func (r remote) Lookup(ctx context.Context, hash string) (auth.Credential, bool, error) {
	out, err := r.call(ctx, request{Method: "lookup", Text: hash})
	return out.Credential, out.OK, err
}

// Put stores a credential if its hash is new.
func (r remote) Put(ctx context.Context, c auth.Credential) (bool, error) {
	out, err := r.call(ctx, request{Method: "put", Credential: c})
	return out.OK, err
}

// List reads credentials in the order of their ids.
func (r remote) List(ctx context.Context, cursor string, limit int) ([]auth.Credential, string, error) {
	out, err := r.call(ctx, request{Method: "list", Text: cursor, Limit: limit})
	return out.Page, out.Text, err
}

// Revoke marks a credential as revoked.
func (r remote) Revoke(ctx context.Context, id string, at time.Time) (auth.Credential, bool, error) {
	out, err := r.call(ctx, request{Method: "revoke", Text: id, At: at})
	return out.Credential, out.OK, err
}

// Endpoints lists the webhooks.
func (r remote) Endpoints(ctx context.Context) ([]announce.Endpoint, error) {
	out, err := r.call(ctx, request{Method: "webhooks"})
	return out.Endpoints, err
}

// PutEndpoint writes a webhook.
func (r remote) PutEndpoint(ctx context.Context, e announce.Endpoint) (bool, error) {
	out, err := r.call(ctx, request{Method: "put-webhook", Endpoint: e})
	return out.OK, err
}

// RemoveEndpoint removes a webhook.
func (r remote) RemoveEndpoint(ctx context.Context, id string) (bool, error) {
	out, err := r.call(ctx, request{Method: "remove-webhook", Text: id})
	return out.OK, err
}

// Dead lists dead letters.
func (r remote) Dead(ctx context.Context) ([]announce.Letter, error) {
	out, err := r.call(ctx, request{Method: "dead"})
	return out.Letters, err
}

// SendBack makes dead letters due again.
func (r remote) SendBack(ctx context.Context, endpoint string) (int, error) {
	out, err := r.call(ctx, request{Method: "send-back", Text: endpoint})
	return out.Number, err
}

// Backup makes a copy; to is a path of the machine that the server runs on.
func (r remote) Backup(ctx context.Context, to string) error {
	_, err := r.call(ctx, request{Method: "backup", Text: to})
	return err
}

// Close gives the connection back.
func (r remote) Close() error {
	r.client.CloseIdleConnections()
	return nil
}
