// Command wrapper runs go-tdx-guest's library, unmodified, over cases given as JSON lines on standard input, one verdict a line on standard
// output. Only the trusted root, the clock and the place of the provisioning certification service are the caller's.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-tdx-guest/validate"
	"github.com/google/go-tdx-guest/verify"
)

// Where the library asks: Intel's API, and the host that has the root's revocation list.
const (
	intelAPI   = "https://api.trustedservices.intel.com"
	intelCerts = "https://certificates.trustedservices.intel.com"
)

// collateral is what the service would answer, as the files of a bundle.
type collateral struct {
	TcbInfo               []byte `json:"tcbInfo"`
	TcbInfoIssuerChain    string `json:"tcbInfoIssuerChain"`
	QeIdentity            []byte `json:"qeIdentity"`
	QeIdentityIssuerChain string `json:"qeIdentityIssuerChain"`
	PckCrl                []byte `json:"pckCrl"`
	PckCrlIssuerChain     string `json:"pckCrlIssuerChain"`
	RootCaCrl             []byte `json:"rootCaCrl"`
}

type request struct {
	ID string `json:"id"`
	// The quote, base64.
	Quote []byte `json:"quote"`
	// PEM: what is trusted.
	Root string `json:"root"`
	// Seconds since 1970.
	Now int64 `json:"now"`
	// Base URL of the service, or its answers.
	Pcs        string      `json:"pcs"`
	Collateral *collateral `json:"collateral"`
	// Get collateral and check the lists.
	Full bool `json:"full"`
	// What the quote must say, base64; nothing is not looked at.
	ReportData []byte   `json:"reportData"`
	MrTd       []byte   `json:"mrTd"`
	Rtmrs      [][]byte `json:"rtmrs"`
	QeVendorID []byte   `json:"qeVendorId"`
	// How often to do it, for measuring; 0 means once.
	Repeat int `json:"repeat"`
}

type answer struct {
	ID      string   `json:"id"`
	Verdict string   `json:"verdict"`
	Stage   string   `json:"stage,omitempty"`
	Detail  string   `json:"detail,omitempty"`
	Fetched []string `json:"fetched,omitempty"`
	// CPU time of this process for all repetitions.
	CPUNanoseconds int64 `json:"cpuNanoseconds"`
}

// getter sends what is meant for Intel to the emulated service, or answers itself, and remembers what was asked.
type getter struct {
	base    string
	canned  *collateral
	fetched []string
}

func (g *getter) Get(address string) (map[string][]string, []byte, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(address, intelAPI), intelCerts)
	if path == address {
		return nil, nil, fmt.Errorf("asked for %s, which is not Intel's service", address)
	}
	g.fetched = append(g.fetched, path)
	if g.canned != nil {
		return g.answer(path)
	}
	response, err := http.Get(g.base + path)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		return nil, nil, fmt.Errorf("status %d for %s", response.StatusCode, address)
	}
	body, err := io.ReadAll(response.Body)
	return response.Header, body, err
}

func (g *getter) answer(path string) (map[string][]string, []byte, error) {
	header := func(name, chain string) map[string][]string {
		return map[string][]string{name: {url.QueryEscape(chain)}}
	}
	switch {
	case strings.HasPrefix(path, "/tdx/certification/v4/tcb?"):
		return header("Tcb-Info-Issuer-Chain", g.canned.TcbInfoIssuerChain), g.canned.TcbInfo, nil
	case path == "/tdx/certification/v4/qe/identity":
		return header("Sgx-Enclave-Identity-Issuer-Chain", g.canned.QeIdentityIssuerChain), g.canned.QeIdentity, nil
	case strings.HasPrefix(path, "/sgx/certification/v4/pckcrl?"):
		return header("Sgx-Pck-Crl-Issuer-Chain", g.canned.PckCrlIssuerChain), g.canned.PckCrl, nil
	case path == "/IntelSGXRootCA.der":
		return map[string][]string{}, g.canned.RootCaCrl, nil
	}
	return nil, nil, fmt.Errorf("there is no %s", path)
}

func judge(r *request) (a answer) {
	stage := "roots"
	a = answer{ID: r.ID, Verdict: "reject"}
	g := &getter{base: r.Pcs, canned: r.Collateral}
	defer func() {
		a.Fetched = g.fetched
		if crash := recover(); crash != nil {
			a.Verdict, a.Stage, a.Detail = "reject", "panic", fmt.Sprint(crash)
		}
	}()
	fail := func(err error) answer {
		a.Stage, a.Detail = stage, err.Error()
		return a
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(r.Root)) {
		return fail(errors.New("no certificate in the root"))
	}
	stage = "verify"
	options := &verify.Options{TrustedRoots: roots, Getter: g, Now: time.Unix(r.Now, 0).UTC(), GetCollateral: r.Full, CheckRevocations: r.Full}
	if err := verify.RawTdxQuote(r.Quote, options); err != nil {
		return fail(err)
	}
	stage = "validate"
	policy := &validate.Options{
		HeaderOptions:      validate.HeaderOptions{QeVendorID: r.QeVendorID},
		TdQuoteBodyOptions: validate.TdQuoteBodyOptions{ReportData: r.ReportData, MrTd: r.MrTd, Rtmrs: r.Rtmrs},
	}
	if err := validate.RawTdxQuote(r.Quote, policy); err != nil {
		return fail(err)
	}
	a.Verdict = "accept"
	return a
}

func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var r request
			if err := json.Unmarshal(line, &r); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(2)
			}
			start := cpuTime()
			a := judge(&r)
			for i := 1; i < r.Repeat; i++ {
				a = judge(&r)
			}
			a.CPUNanoseconds = cpuTime() - start
			if err := out.Encode(a); err != nil {
				os.Exit(2)
			}
		}
		if err != nil {
			return
		}
	}
}
