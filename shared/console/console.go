// Package console is the operator's page: static files, embedded in the binary, and
// the handler that serves them. The page holds no data and no secret. It calls the
// operator's routes with a token that a person types in.
//
// The files are plain modules, which a browser loads as they are: there is nothing to
// build, and no code of others in them.
package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"runlease/shared/api"
)

//go:embed static
var embedded embed.FS

// index is the page itself; everything else is below api.ConsolePath.
const index = "index.html"

// Policy is the page's Content-Security-Policy. Its scripts and its calls are of its
// own origin, no text becomes markup, and no other page may frame it.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// types are those of the files by their ending; a system's own table may differ.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
}

// file is what is sent for a path.
type file struct {
	kind, tag     string
	plain, zipped []byte
}

// files reads and compresses them at the first request: a function that never serves
// the page pays nothing.
var files = sync.OnceValue(func() map[string]file {
	found := map[string]file{}
	// The files are in the binary: reading them does not fail.
	_ = fs.WalkDir(embedded, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := embedded.ReadFile(name)
		if err != nil {
			return err
		}
		var zipped bytes.Buffer
		w, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
		_, _ = w.Write(text)
		_ = w.Close()
		sum := sha256.Sum256(text)
		at := api.ConsolePath + "/" + path.Base(name)
		if path.Base(name) == index {
			at = api.ConsolePath
		}
		found[at] = file{types[path.Ext(name)], `W/"` + hex.EncodeToString(sum[:8]) + `"`, text, zipped.Bytes()}
		return nil
	})
	return found
})

// Handler serves the page by GET at api.ConsolePath and its files below it, zipped
// where a browser takes that. All other requests go to others.
func Handler(others http.Handler) http.Handler { return handler(others, true) }

// Plain is Handler behind API Gateway, where zipped bytes go as base64 and not every
// gateway decodes them. All of it is below 100 KB as it is.
func Plain(others http.Handler) http.Handler { return handler(others, false) }

func handler(others http.Handler, zips bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, found := files()[r.URL.Path]
		if !found || r.Method != http.MethodGet {
			others.ServeHTTP(w, r)
			return
		}
		header := w.Header()
		header.Set("Content-Type", f.kind)
		header.Set("Content-Security-Policy", Policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		// The files are the same for everybody. A browser keeps them, and asks each time
		// whether they have changed: those of two versions do not mix.
		header.Set("Cache-Control", "no-cache")
		header.Set("ETag", f.tag)
		header.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("If-None-Match"), f.tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		body := f.plain
		if zips && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			header.Set("Content-Encoding", "gzip")
			body = f.zipped
		}
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(body) // the client may have gone away
	})
}
