package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"runlease/shared/producer"
)

// problemDownload writes the test data of a version to a new file.
func problemDownload(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl problem download", "PROBLEM")
	at := apiFlags(f)
	version := f.Int("version", 0, "`number` of the published version")
	out := f.String("out", "", "new `file` to write the zip to")
	id, err := parseID(f, args)
	if err != nil {
		return err
	}
	if *version < 1 || *out == "" {
		return misuse(f, "which version, and where to? Give -version and -out")
	}
	api, err := at.open(op)
	if err != nil {
		return err
	}
	var shown struct {
		Testdata *struct {
			producer.Announced
			URL string `json:"url"`
		} `json:"testdata"`
	}
	if err := api.Call(ctx, http.MethodGet, fmt.Sprintf("/problems/%s?version=%d", id, *version), nil, &shown); err != nil {
		return err
	}
	if shown.Testdata == nil {
		return fmt.Errorf("version %d of problem %s has no test data", *version, id)
	}
	if err := api.download(ctx, shown.Testdata.URL, shown.Testdata.Announced, *out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(op.out, "problem %s: the test data of version %d is in %s, %d bytes\n", id, *version, *out, shown.Testdata.Size)
	return err
}

// download writes what a URL gives to a new file, which stays only if it is what
// was announced.
func (c client) download(ctx context.Context, from string, want producer.Announced, to string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return fmt.Errorf("make request: %w", producer.WithoutURL(err))
	}
	response, err := c.HTTP.Do(r)
	if err != nil {
		return fmt.Errorf("download the test data: %w", producer.WithoutURL(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("download the test data: %s", response.Status)
	}
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the test data: %w", err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, sum), io.LimitReader(response.Body, want.Size+1))
	err = errors.Join(err, file.Close())
	if err == nil && (n != want.Size || hex.EncodeToString(sum.Sum(nil)) != want.SHA256) {
		err = errors.New("these are not the bytes that were announced: repeat it")
	}
	if err != nil {
		return errors.Join(fmt.Errorf("download the test data: %w", producer.WithoutURL(err)), os.Remove(to))
	}
	return nil
}
