package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runlease/shared/testkit/until"
)

// certify writes a certificate of this machine with a serial number.
func certify(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: public}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCertificateIsReadAgain: on SIGHUP; a broken file leaves the old one.
func TestCertificateIsReadAgain(t *testing.T) {
	cert, key := filepath.Join(t.TempDir(), "cert"), filepath.Join(t.TempDir(), "key")
	certify(t, cert, key, 1)
	s := start(t, "-tls-cert", cert, "-tls-key", key)
	defer s.end(t)
	if !strings.HasPrefix(s.URL, "https://127.0.0.1:") {
		t.Fatal(s.URL)
	}
	// served returns the serial number of the certificate that a new connection gets.
	served := func() int64 {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		reply, err := client.Get(s.URL + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = reply.Body.Close() }()
		if reply.StatusCode != http.StatusOK || reply.TLS.Version < tls.VersionTLS12 {
			t.Errorf("healthz: %d by TLS %x", reply.StatusCode, reply.TLS.Version)
		}
		return reply.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	hangUp := func() {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	if got := served(); got != 1 {
		t.Errorf("certificate %d at the start", got)
	}
	certify(t, cert, key, 2)
	hangUp()
	until.True(t, until.Hang, "the new certificate is served", func() bool { return served() == 2 })
	if err := os.WriteFile(cert, []byte("cut off"), 0o600); err != nil {
		t.Fatal(err)
	}
	hangUp()
	s.logs.await(t, 1, "the certificate stays as it was", until.Hang)
	if got := served(); got != 2 {
		t.Errorf("certificate %d, want the last good one", got)
	}
}

// TestRatesAreOnWithAFolder: as on AWS, 40 requests of a runner at once; -rate 0
// takes them off, and without a folder there are none.
func TestRatesAreOnWithAFolder(t *testing.T) {
	client := &http.Client{}
	defer client.CloseIdleConnections()
	for _, c := range []struct {
		args    []string
		limited bool
	}{
		{[]string{"-data", filepath.Join(t.TempDir(), "a")}, true},
		{[]string{"-data", filepath.Join(t.TempDir(), "b"), "-rate", "0"}, false},
		{nil, false},
	} {
		s := start(t, c.args...)
		refused := 0
		for n, end := 0, time.Now().Add(until.Hang); n < 200 || c.limited && refused == 0 && time.Now().Before(end); n++ { // a busy machine may be slow to ask too often
			if status, _ := s.do(t, client, "r", "GET", "/runner/jobs", ""); status == http.StatusTooManyRequests {
				refused++
			}
		}
		if (refused > 0) != c.limited {
			t.Errorf("%v: %d requests at once were refused", c.args, refused)
		}
		s.end(t)
	}
}
