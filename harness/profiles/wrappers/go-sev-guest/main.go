// Command go-sev-guest judges SNP evidence with google/go-sev-guest's library, unmodified: teemu's JSON lines on standard input, its verdicts
// on standard output. Only the trusted root, the clock and the place of AMD's key service are the caller's.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-sev-guest/abi"
	"github.com/google/go-sev-guest/kds"
	spb "github.com/google/go-sev-guest/proto/sevsnp"
	"github.com/google/go-sev-guest/validate"
	"github.com/google/go-sev-guest/verify"
	"github.com/google/go-sev-guest/verify/trust"
)

const amdKds = "https://kdsintf.amd.com"

type question struct {
	Cmd      string
	Seq      int
	Now      int64
	Manifest struct{ Line, Signer string }
	Files    map[string][]byte
	Roots    map[string]string
	Services map[string]string
	Request  struct {
		ReportData, Measurement, HostData, Policy string
		Vmpl                                      *int
		AllowProvisionalFirmware                  bool
		MinimumTcb                                struct{ BootLoader, Tee, Snp, Microcode uint64 }
	}
}

type answer struct {
	Seq     int    `json:"seq"`
	Verdict string `json:"verdict"`
	Stage   string `json:"stage,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// getter sends what is meant for AMD's service to the emulated one.
type getter struct{ base string }

func (g getter) Get(url string) ([]byte, error) {
	if !strings.HasPrefix(url, amdKds) {
		return nil, fmt.Errorf("asked for %s, which is not AMD's key service", url)
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

func unhex(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	return hex.DecodeString(text)
}

func attestation(q *question) (*spb.Attestation, error) {
	report, err := abi.ReportToProto(q.Files["report.bin"])
	if err != nil {
		return nil, err
	}
	table := &abi.CertTable{}
	if err := table.Unmarshal(q.Files["certs.bin"]); err != nil {
		return nil, err
	}
	return &spb.Attestation{Report: report, CertificateChain: table.Proto()}, nil
}

func judge(q *question) (stage string, err error) {
	// What one case fetched must not serve another.
	trust.ClearProductCertCache()
	// The library trusts a chain: the caller's root, and below it the intermediate that the evidence presents, whose signature it checks.
	intermediate := q.Files["ask.pem"]
	if intermediate == nil {
		intermediate = q.Files["asvk.pem"]
	}
	root := trust.AMDRootCertsProduct(q.Manifest.Line)
	root.ProductCerts = &trust.ProductCerts{}
	if err := root.ProductCerts.FromKDSCertBytes([]byte(string(intermediate) + q.Roots["ark.pem"])); err != nil {
		return "chain", err
	}
	att, err := attestation(q)
	if err != nil {
		return "parse", err
	}
	err = verify.SnpAttestation(att, &verify.Options{
		TrustedRoots:        map[string][]*trust.AMDRootCerts{q.Manifest.Line: {root}},
		DisableCertFetching: true,
		CheckRevocations:    q.Manifest.Signer == "vcek",
		Getter:              getter{q.Services["kds"]},
		Now:                 time.Unix(q.Now, 0),
	})
	if err != nil {
		return "", err
	}
	raw, err := strconv.ParseUint(q.Request.Policy, 0, 64)
	if err != nil {
		return "", err
	}
	policy, err := abi.ParseSnpPolicy(raw)
	if err != nil {
		return "", err
	}
	options := &validate.Options{GuestPolicy: policy, VMPL: q.Request.Vmpl, PermitProvisionalFirmware: q.Request.AllowProvisionalFirmware}
	minimum := q.Request.MinimumTcb
	options.MinimumTCB = kds.DecomposeTCBVersion(kds.TCBVersion(minimum.BootLoader | minimum.Tee<<8 | minimum.Snp<<48 | minimum.Microcode<<56))
	for text, field := range map[string]*[]byte{q.Request.ReportData: &options.ReportData, q.Request.Measurement: &options.Measurement, q.Request.HostData: &options.HostData} {
		if text == "" {
			continue
		}
		if *field, err = unhex(text); err != nil {
			return "", err
		}
	}
	return "policy", validate.SnpAttestation(att, options)
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		q := &question{}
		if err := json.Unmarshal(line, q); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		switch q.Cmd {
		case "hello":
			fmt.Println(`{"protocol":1,"name":"go-sev-guest","version":"0.15.0","services":true}`)
		case "verify":
			a := answer{Seq: q.Seq, Verdict: "accept"}
			if stage, err := judge(q); err != nil {
				a.Verdict, a.Stage, a.Detail = "reject", stage, err.Error()
			}
			if out.Encode(a) != nil {
				os.Exit(2)
			}
		default:
			return
		}
	}
}
