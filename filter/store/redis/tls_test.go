package redis

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"proxyfilter/integration/rig"
)

// certificate writes a certificate of 127.0.0.1 and its key, and returns the pool
// that trusts it.
func certificate(t *testing.T, file, keyFile string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{file: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	file, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	trusted := certificate(t, file, key)
	free, err := rig.FreeAddresses(1)
	if err != nil {
		t.Fatal(err)
	}
	address := free[0]
	_, port, _ := net.SplitHostPort(address)
	r := started(t, "--requirepass", "x", "--tls-port", port, "--bind", "127.0.0.1",
		"--tls-cert-file", file, "--tls-key-file", key, "--tls-ca-cert-file", file, "--tls-auth-clients", "no")
	server, err := ParseURL("rediss://:x@" + address + "/1")
	if err != nil {
		t.Fatal(err)
	}
	stranger := closed(t, New(Config{Server: server, Timeout: time.Minute}))
	if err := stranger.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "TLS: ") {
		t.Errorf("a certificate that nobody knows: %v", err)
	}
	server.TLS.RootCAs = trusted
	s := patient(t, server)
	works(t, s)
	r.kill(t)
	r.start(t)
	works(t, s)
}
