package runner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"runlease/shared/runner/outputs"
	"runlease/shared/runner/spool"
)

const transferTimeout = 10 * time.Minute // 1 GB of test data at 2 MB/s

// wrongBytes is the error of a file that is not what was promised.
type wrongBytes struct{ why string }

func (w *wrongBytes) Error() string { return w.why }

// fetch copies a file from storage, or from its claim, to w. Other bytes than
// promised are an error; w has them.
func (c *Client) fetch(ctx context.Context, d download, w io.Writer) error {
	if d.Inline != nil {
		return d.copy("the claim", w, bytes.NewReader(d.Inline))
	}
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL, nil)
	if err != nil {
		return errors.New("fetch from storage: not a URL") // which is a secret
	}
	// Else a zip that is stored with a content encoding would be unpacked on the way.
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := c.transfer(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return refusedByStorage(resp)
	}
	return d.copy("storage", w, resp.Body)
}

// copy copies the file from where it comes and checks it.
func (d download) copy(from string, w io.Writer, body io.Reader) error {
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, hash), io.LimitReader(body, d.Size+1))
	if err != nil {
		return fmt.Errorf("fetch from %s: %w", from, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); n != d.Size || got != d.SHA256 {
		return &wrongBytes{fmt.Sprintf("%s gave %d bytes with SHA-256 %s, want %d with %s", from, n, got, d.Size, d.SHA256)}
	}
	return nil
}

// send makes a signed upload. Bytes that are there already are no error.
func (c *Client) send(ctx context.Context, u upload, body *io.SectionReader) error {
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, u.Method, u.URL, body)
	if err != nil {
		return errors.New("send to storage: not a URL")
	}
	req.ContentLength = body.Size()
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(body, 0, body.Size())), nil }
	for name, value := range u.Headers { // signed: exactly these
		req.Header.Set(name, value)
	}
	resp, err := c.transfer(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		if err := refusedByStorage(resp); err.Code != alreadyThere {
			return err
		}
		return nil
	}
	if n, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxReply)); n > 0 && err == nil {
		return stranger(resp, nil, true) // storage says nothing of bytes that it took
	}
	return nil
}

// alreadyThere is how storage refuses an upload to a key that has an object.
const alreadyThere = "PreconditionFailed"

// transfer sends a request to storage, with nothing in it that identifies the
// runner: the URL is the permission.
func (c *Client) transfer(req *http.Request) (*http.Response, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no reply from storage: %w", withoutURL(err))
	}
	if strings.HasPrefix(strings.ToLower(resp.Header.Get("Content-Type")), "text/html") { // a page for people
		_ = resp.Body.Close()
		return nil, stranger(resp, nil, true)
	}
	return resp, nil
}

// refusedByStorage is the error of a reply that is not a success. Storage names
// what is wrong, in XML: a 403 or a 404 without that comes from a proxy between, and
// decides nothing.
func refusedByStorage(resp *http.Response) *replyError {
	var refusal struct {
		XMLName       xml.Name `xml:"Error"`
		Code, Message string
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what there is of it
	if xml.Unmarshal(text, &refusal) != nil || refusal.Code == "" {
		return stranger(resp, text, true)
	}
	return &replyError{
		Status: resp.StatusCode, Code: refusal.Code, Message: strings.TrimSuffix(refusal.Code+": "+refusal.Message, ": "), Storage: true,
		RequestID: resp.Header.Get("X-Amz-Request-Id"), RetryAfter: retryAfter(resp),
	}
}

// maxRefusal bounds what is read of a refusal by storage, in bytes.
const maxRefusal = 64 << 10

// archive is a zip of outputs.
type archive struct {
	*io.SectionReader
	close  func()
	sha256 string
}

// packOutputs finds the zip of a result's outputs, or makes it in memory, where they are.
func packOutputs(r spool.Result) (a archive, err error) {
	if r.Packed == "" {
		text, err := outputs.Zip(r.Tasks)
		if err != nil {
			return archive{}, err
		}
		a = archive{io.NewSectionReader(bytes.NewReader(text), 0, int64(len(text))), func() {}, ""}
	} else {
		file, err := os.Open(r.Packed)
		if err != nil {
			return archive{}, fmt.Errorf("open outputs: %w", err)
		}
		info, err := file.Stat()
		if err != nil {
			_ = file.Close()
			return archive{}, fmt.Errorf("look at outputs: %w", err)
		}
		a = archive{io.NewSectionReader(file, 0, info.Size()), func() { _ = file.Close() }, ""}
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(a, 0, a.Size())); err != nil {
		a.close()
		return archive{}, fmt.Errorf("read outputs: %w", err)
	}
	a.sha256 = hex.EncodeToString(sum.Sum(nil))
	return a, nil
}
