package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// A test cluster lives for hours; a kept folder of keys must still be valid next month.
const validity = 365 * 24 * time.Hour

// runCertificates writes what a control plane needs to trust itself into a folder: ca.crt,
// apiserver.crt and apiserver.key for 127.0.0.1, and service-account.key.
func runCertificates() int {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "certificates: name the folder to write to, and nothing else")
		return 2
	}
	if err := writeCertificates(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "certificates: %v\n", err)
		return 1
	}
	return 0
}

func writeCertificates(folder string) error {
	authorityKey, err := newKey()
	if err != nil {
		return err
	}
	authority := certificate("test-cluster-ca", 1)
	authority.IsCA = true
	authority.BasicConstraintsValid = true
	authority.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	if err := writeCertificate(folder, "ca", authority, authority, authorityKey, authorityKey); err != nil {
		return err
	}
	serverKey, err := newKey()
	if err != nil {
		return err
	}
	server := certificate("kube-apiserver", 2)
	server.KeyUsage = x509.KeyUsageDigitalSignature
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)}
	if err := writeCertificate(folder, "apiserver", server, authority, serverKey, authorityKey); err != nil {
		return err
	}
	accountKey, err := newKey()
	if err != nil {
		return err
	}
	return writeKey(folder, "service-account", accountKey)
}

func newKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func certificate(name string, serial int64) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(validity),
	}
}

func writeCertificate(folder, name string, wanted, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, wanted, parent, &key.PublicKey, signer)
	if err != nil {
		return fmt.Errorf("sign %s: %w", name, err)
	}
	if err := writePEM(folder, name+".crt", "CERTIFICATE", der); err != nil {
		return err
	}
	return writeKey(folder, name, key)
}

func writeKey(folder, name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode the key of %s: %w", name, err)
	}
	return writePEM(folder, name+".key", "EC PRIVATE KEY", der)
}

func writePEM(folder, file, kind string, der []byte) error {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	return os.WriteFile(filepath.Join(folder, file), text, 0o600)
}
