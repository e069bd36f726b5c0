// Command go-tdx-guest judges TDX evidence with google/go-tdx-guest's library, unmodified: teemu's JSON lines on standard input, its verdicts
// on standard output. Only the trusted root, the clock and the place of Intel's service are the caller's.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/go-tdx-guest/validate"
	"github.com/google/go-tdx-guest/verify"
)

// Where the library asks: Intel's API, and the host that has the root's revocation list.
const (
	intelAPI   = "https://api.trustedservices.intel.com"
	intelCerts = "https://certificates.trustedservices.intel.com"
)

type question struct {
	Cmd      string
	Seq      int
	Now      int64
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

// getter sends what is meant for Intel to the emulated service.
type getter struct{ base string }

func (g getter) Get(address string) (map[string][]string, []byte, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(address, intelAPI), intelCerts)
	if path == address {
		return nil, nil, fmt.Errorf("asked for %s, which is not Intel's service", address)
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

// unsupported is a wish for which the library has no option: the question can't be put to it.
type unsupported struct{ name string }

func (u unsupported) Error() string { return "it has no option for " + u.name }

// wishes puts what the relying party asks for into the library's own options.
func wishes(q *question) (*validate.Options, error) {
	options := &validate.Options{}
	body := &options.TdQuoteBodyOptions
	rtmrs := make([][]byte, 4)
	fields := map[string]*[]byte{
		"reportData": &body.ReportData, "measurement": &body.MrTd, "mrTd": &body.MrTd, "mrSeam": &body.MrSeam, "mrConfigId": &body.MrConfigID,
		"mrOwner": &body.MrOwner, "mrOwnerConfig": &body.MrOwnerConfig, "rtmr0": &rtmrs[0], "rtmr1": &rtmrs[1], "rtmr2": &rtmrs[2], "rtmr3": &rtmrs[3],
	}
	for name, raw := range q.Request {
		if name == "requireCrl" {
			continue
		}
		field, known := fields[name]
		if !known {
			return nil, unsupported{name}
		}
		var text string
		// Several values, of which any will do, are a list.
		if json.Unmarshal(raw, &text) != nil {
			return nil, unsupported{"one of several values of " + name}
		}
		value, err := hex.DecodeString(text)
		if err != nil {
			return nil, err
		}
		*field = value
	}
	for _, rtmr := range rtmrs {
		if rtmr != nil {
			body.Rtmrs = rtmrs
		}
	}
	return options, nil
}

func judge(q *question) (stage string, err error) {
	policy, err := wishes(q)
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	for _, pem := range q.Roots {
		if !roots.AppendCertsFromPEM([]byte(pem)) {
			return "chain", errors.New("no certificate in the root")
		}
	}
	quote := q.Files["quote.bin"]
	options := &verify.Options{TrustedRoots: roots, Getter: getter{q.Services["pcs"]}, Now: time.Unix(q.Now, 0).UTC(), GetCollateral: true, CheckRevocations: true}
	if err := verify.RawTdxQuote(quote, options); err != nil {
		return "", err
	}
	return "policy", validate.RawTdxQuote(quote, policy)
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
			fmt.Println(`{"protocol":1,"name":"go-tdx-guest","version":"0.3.1","services":true}`)
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
