// Command go-sev-guest judges SNP evidence with google/go-sev-guest's library, unmodified: teemu's JSON lines on standard input, its verdicts
// on standard output. Only the trusted root, the clock and the place of AMD's key service are the caller's.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
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
	Request  map[string]json.RawMessage
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

// der is the certificate of a file; what is no PEM is handed on as it is, for the library to refuse.
func der(q *question, name string) []byte {
	raw, ok := q.Files[name]
	if !ok {
		return nil
	}
	if block, _ := pem.Decode(raw); block != nil {
		return block.Bytes
	}
	return raw
}

func attestation(q *question) (*spb.Attestation, error) {
	report, err := abi.ReportToProto(q.Files["report.bin"])
	if err != nil {
		return nil, err
	}
	ask := der(q, "ask.pem")
	if ask == nil {
		ask = der(q, "asvk.pem")
	}
	chain := &spb.CertificateChain{VcekCert: der(q, "vcek.pem"), VlekCert: der(q, "vlek.pem"), AskCert: ask, ArkCert: der(q, "ark.pem")}
	return &spb.Attestation{Report: report, CertificateChain: chain}, nil
}

// unsupported is a wish for which the library has no option: the question can't be put to it.
type unsupported struct{ name string }

func (u unsupported) Error() string { return "it has no option for " + u.name }

// wishes puts what the relying party asks for into the library's own options.
func wishes(q *question) (*validate.Options, error) {
	options := &validate.Options{}
	for name, raw := range q.Request {
		var err error
		octets := func(into *[]byte) {
			var text string
			// Several values, of which any will do, are a list.
			if json.Unmarshal(raw, &text) != nil {
				err = unsupported{"one of several values of " + name}
				return
			}
			*into, err = hex.DecodeString(text)
		}
		switch name {
		case "requireCrl":
		case "policy":
			var text string
			var bits uint64
			if err = json.Unmarshal(raw, &text); err == nil {
				if bits, err = strconv.ParseUint(text, 0, 64); err == nil {
					options.GuestPolicy, err = abi.ParseSnpPolicy(bits)
				}
			}
		case "allowProvisionalFirmware":
			err = json.Unmarshal(raw, &options.PermitProvisionalFirmware)
		case "vmpl":
			if json.Unmarshal(raw, &options.VMPL) != nil {
				err = unsupported{"one of several VMPLs"}
			}
		case "reportData":
			octets(&options.ReportData)
		case "measurement":
			octets(&options.Measurement)
		case "hostData":
			octets(&options.HostData)
		case "chipId":
			octets(&options.ChipID)
		case "familyId":
			octets(&options.FamilyID)
		case "imageId":
			octets(&options.ImageID)
		case "minimumGuestSvn":
			err = json.Unmarshal(raw, &options.MinimumGuestSvn)
		case "minimumTcb":
			var minimum struct{ BootLoader, Tee, Snp, Microcode uint64 }
			err = json.Unmarshal(raw, &minimum)
			options.MinimumTCB = kds.DecomposeTCBVersion(kds.TCBVersion(minimum.BootLoader | minimum.Tee<<8 | minimum.Snp<<48 | minimum.Microcode<<56))
			options.MinimumLaunchTCB = options.MinimumTCB
		case "minimumFirmware":
			var minimum struct{ Major, Minor, Build int }
			err = json.Unmarshal(raw, &minimum)
			options.MinimumVersion, options.MinimumBuild = uint16(minimum.Major<<8|minimum.Minor), uint8(minimum.Build)
		case "mitigations":
			var text string
			if err = json.Unmarshal(raw, &text); err == nil {
				options.MinimumLaunchMitigationVector, err = strconv.ParseUint(text, 0, 64)
				options.MinimumCurrentMitigationVector = options.MinimumLaunchMitigationVector
			}
		default:
			err = unsupported{name}
		}
		if err != nil {
			return nil, err
		}
	}
	return options, nil
}

func judge(q *question) (stage string, err error) {
	options, err := wishes(q)
	if err != nil {
		return "", err
	}
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
			if stage, err := judge(q); errors.As(err, &unsupported{}) {
				a.Verdict, a.Detail = "skip", err.Error()
			} else if err != nil {
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
