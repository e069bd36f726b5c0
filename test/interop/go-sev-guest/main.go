// Command wrapper runs go-sev-guest's library, unmodified, over cases given as JSON lines on standard input, one verdict a line on
// standard output. Only the trusted root, the clock and the place of the key distribution service are the caller's.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-sev-guest/abi"
	"github.com/google/go-sev-guest/kds"
	spb "github.com/google/go-sev-guest/proto/sevsnp"
	"github.com/google/go-sev-guest/validate"
	"github.com/google/go-sev-guest/verify"
	"github.com/google/go-sev-guest/verify/trust"
	"google.golang.org/protobuf/proto"
)

const amdKds = "https://kdsintf.amd.com"

type request struct {
	ID string `json:"id"`
	// Report, base64.
	Report string `json:"report"`
	// Certificate table, base64; empty: there is none.
	Certs string `json:"certs"`
	// A serialized sevsnp.Attestation instead of both, base64.
	Proto string `json:"proto"`
	// Intermediate, then ARK, PEM: what is trusted.
	Chain string `json:"chain"`
	// The chain over VCEKs besides, where a VLEK signs: the library takes the address of the revocation list from it.
	AskChain string `json:"askChain"`
	Line     string `json:"line"`
	// Seconds since 1970.
	Now int64 `json:"now"`
	// Base URL of the key distribution service.
	Kds string `json:"kds"`
	// Missing certificates may be fetched from there.
	Fetch    bool `json:"fetch"`
	CheckCrl bool `json:"checkCrl"`
	// The revocation list that is served, DER in base64, in place of the service's.
	Crl         []byte `json:"crl"`
	GuestPolicy uint64 `json:"guestPolicy"`
	ReportData  string `json:"reportData"`
	Measurement string `json:"measurement"`
	HostData    string `json:"hostData"`
	Vmpl        *int   `json:"vmpl"`
	MinimumTcb  uint64 `json:"minimumTcb,string"`
	Provisional bool   `json:"provisional"`
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

// getter sends what is meant for AMD's service to the emulated one, and remembers what was asked.
type getter struct {
	base    string
	crl     []byte
	fetched []string
}

func (g *getter) Get(url string) ([]byte, error) {
	if !strings.HasPrefix(url, amdKds) {
		return nil, fmt.Errorf("asked for %s, which is not AMD's key distribution service", url)
	}
	g.fetched = append(g.fetched, strings.TrimPrefix(url, amdKds))
	if g.crl != nil && strings.HasSuffix(url, "/crl") {
		return g.crl, nil
	}
	response, err := http.Get(g.base + strings.TrimPrefix(url, amdKds))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		return nil, fmt.Errorf("status %d for %s", response.StatusCode, url)
	}
	return io.ReadAll(response.Body)
}

func unhex(text string) []byte {
	if text == "" {
		return nil
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return raw
}

func attestation(r *request) (*spb.Attestation, error) {
	if r.Proto != "" {
		raw, err := base64.StdEncoding.DecodeString(r.Proto)
		if err != nil {
			return nil, err
		}
		att := &spb.Attestation{}
		return att, proto.Unmarshal(raw, att)
	}
	raw, err := base64.StdEncoding.DecodeString(r.Report)
	if err != nil {
		return nil, err
	}
	rawCerts, err := base64.StdEncoding.DecodeString(r.Certs)
	if err != nil {
		return nil, err
	}
	report, err := abi.ReportToProto(raw)
	if err != nil {
		return nil, err
	}
	table := &abi.CertTable{}
	if len(rawCerts) > 0 {
		if err := table.Unmarshal(rawCerts); err != nil {
			return nil, err
		}
	}
	return &spb.Attestation{Report: report, CertificateChain: table.Proto()}, nil
}

// trustedRoot is what the relying party trusts; it is read once, however often the evidence is judged.
func trustedRoot(r *request) (*trust.AMDRootCerts, error) {
	root := trust.AMDRootCertsProduct(r.Line)
	root.ProductCerts = &trust.ProductCerts{}
	for _, chain := range []string{r.AskChain, r.Chain} {
		if chain == "" {
			continue
		}
		if err := root.ProductCerts.FromKDSCertBytes([]byte(chain)); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// judge says where the library refused the evidence, and why; its panics are told apart.
func judge(r *request, g *getter, root *trust.AMDRootCerts) (stage string, err error) {
	defer func() {
		if p := recover(); p != nil {
			stage, err = "panic", fmt.Errorf("%v", p)
		}
	}()
	att, err := attestation(r)
	if err != nil {
		return "parse", err
	}
	options := &verify.Options{
		TrustedRoots:        map[string][]*trust.AMDRootCerts{r.Line: {root}},
		DisableCertFetching: !r.Fetch,
		CheckRevocations:    r.CheckCrl,
		Getter:              g,
		Now:                 time.Unix(r.Now, 0),
	}
	if err := verify.SnpAttestation(att, options); err != nil {
		return "verify", err
	}
	policy, err := abi.ParseSnpPolicy(r.GuestPolicy)
	if err != nil {
		return "usage", err
	}
	err = validate.SnpAttestation(att, &validate.Options{
		GuestPolicy:               policy,
		ReportData:                unhex(r.ReportData),
		Measurement:               unhex(r.Measurement),
		HostData:                  unhex(r.HostData),
		VMPL:                      r.Vmpl,
		MinimumTCB:                kds.DecomposeTCBVersion(kds.TCBVersion(r.MinimumTcb)),
		PermitProvisionalFirmware: r.Provisional,
	})
	return "validate", err
}

// cpuTime is the user and system time that this process has used, in nanoseconds.
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
		if len(line) > 1 {
			r := &request{}
			if err := json.Unmarshal(line, r); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(2)
			}
			g := &getter{base: r.Kds, crl: r.Crl}
			// What one case fetched must not serve another.
			trust.ClearProductCertCache()
			stage := "roots"
			root, verr := trustedRoot(r)
			start := cpuTime()
			for i := 0; verr == nil && i < max(r.Repeat, 1); i++ {
				stage, verr = judge(r, g, root)
			}
			a := answer{ID: r.ID, Verdict: "accept", Fetched: g.fetched, CPUNanoseconds: cpuTime() - start}
			if verr != nil {
				a.Verdict, a.Stage, a.Detail = "reject", stage, verr.Error()
			}
			if err := out.Encode(a); err != nil {
				os.Exit(2)
			}
		}
		if err != nil {
			return
		}
	}
}
