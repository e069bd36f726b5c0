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

// wanted is a member of the request that is bytes; nothing where it is not asked for.
func wanted(q *question, names ...string) ([]byte, error) {
	for _, name := range names {
		if raw, ok := q.Request[name]; ok {
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			return hex.DecodeString(text)
		}
	}
	return nil, nil
}

func judge(q *question) (stage string, err error) {
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
	policy := &validate.Options{}
	body := &policy.TdQuoteBodyOptions
	for _, field := range []struct {
		names []string
		into  *[]byte
	}{
		{[]string{"reportData"}, &body.ReportData},
		{[]string{"mrTd", "measurement"}, &body.MrTd},
		{[]string{"mrConfigId"}, &body.MrConfigID},
		{[]string{"mrOwner"}, &body.MrOwner},
		{[]string{"mrOwnerConfig"}, &body.MrOwnerConfig},
	} {
		if *field.into, err = wanted(q, field.names...); err != nil {
			return "", err
		}
	}
	rtmrs := make([][]byte, 4)
	any := false
	for i := range rtmrs {
		if rtmrs[i], err = wanted(q, fmt.Sprintf("rtmr%d", i)); err != nil {
			return "", err
		}
		any = any || rtmrs[i] != nil
	}
	if any {
		body.Rtmrs = rtmrs
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
