package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"time"
)

// badCertificates are the ways in which --bad-cert can be wrong.
var badCertificates = []string{"expired", "not-yet-valid", "wrong-host", "no-san", "weak-rsa1024", "untrusted", "client-only"}

// issued is a server certificate and the authority to trust for it.
type issued struct {
	server    tls.Certificate
	authority []byte // PEM
}

func newSerial() *big.Int {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err)
	}
	return serial
}

func authority() (*x509.Certificate, crypto.Signer, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, err
	}
	template := &x509.Certificate{SerialNumber: newSerial(), Subject: pkix.Name{CommonName: "test vCenter authority", Organization: []string{"corp.example.test"}},
		NotBefore: time.Now().Add(-72 * time.Hour), NotAfter: time.Now().Add(720 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	return parsed, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

// issue makes a certificate for loopback, wrong in the way that bad names.
func issue(bad string) (*issued, error) {
	ca, caKey, caPEM, err := authority()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: newSerial(), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: time.Now().Add(-24 * time.Hour),
		NotAfter: time.Now().Add(240 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		DNSNames: []string{"localhost"}}
	var key crypto.Signer
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	switch bad {
	case "":
	case "expired":
		template.NotBefore, template.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	case "not-yet-valid":
		template.NotBefore = time.Now().Add(24 * time.Hour)
	case "wrong-host":
		template.IPAddresses, template.DNSNames = nil, []string{"vcenter.other.example.test"}
	case "no-san":
		template.IPAddresses, template.DNSNames, template.Subject.CommonName = nil, nil, "127.0.0.1"
	case "weak-rsa1024":
		if key, err = rsa.GenerateKey(rand.Reader, 1024); err != nil {
			return nil, err
		}
	case "untrusted": // what --cert-out writes is another authority
		if _, _, caPEM, err = authority(); err != nil {
			return nil, err
		}
	case "client-only":
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	default:
		return nil, fmt.Errorf("--bad-cert %s is not one of %s", bad, strings.Join(badCertificates, " "))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	if err != nil {
		return nil, err
	}
	return &issued{tls.Certificate{Certificate: [][]byte{der, ca.Raw}, PrivateKey: key}, caPEM}, nil
}

// loadCertificate takes the server's certificate from files; it is its own authority for --cert-out.
func loadCertificate(cert, key string) (*issued, error) {
	server, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(cert)
	return &issued{server, text}, err
}

// thumbprint is the certificate's SHA-256 as vCenter writes it.
func (i *issued) thumbprint() string {
	sum := sha256.Sum256(i.server.Certificate[0])
	parts := make([]string, len(sum))
	for n, b := range sum {
		parts[n] = fmt.Sprintf("%02X", b)
	}
	return "SHA256:" + strings.Join(parts, ":")
}
