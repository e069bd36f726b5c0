// Command wrapper runs go-eventlog's library, unmodified, over event logs given as JSON lines on standard input, one verdict a line on
// standard output.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/google/go-eventlog/ccel"
	"github.com/google/go-eventlog/extract"
	"github.com/google/go-eventlog/register"
)

type request struct {
	ID string `json:"id"`
	// ACPI table and log, base64.
	Table []byte `json:"table"`
	Log   []byte `json:"log"`
	// What the quote says the registers hold, base64.
	Rtmrs [][]byte `json:"rtmrs"`
	// "grub", or nothing for a loader that the library does not know.
	Loader string `json:"loader"`
}

type answer struct {
	ID      string `json:"id"`
	Verdict string `json:"verdict"`
	Detail  string `json:"detail,omitempty"`
	// Events that were replayed.
	Events      int    `json:"events"`
	SecureBoot  bool   `json:"secureBoot"`
	Apps        int    `json:"apps"`
	CommandLine string `json:"commandLine,omitempty"`
}

func judge(r *request) (a answer) {
	a = answer{ID: r.ID, Verdict: "reject"}
	defer func() {
		if crash := recover(); crash != nil {
			a = answer{ID: r.ID, Verdict: "reject", Detail: fmt.Sprintf("panic: %v", crash)}
		}
	}()
	bank := register.RTMRBank{}
	for i, value := range r.Rtmrs {
		bank.RTMRs = append(bank.RTMRs, register.RTMR{Index: i, Digest: value})
	}
	opts := extract.Opts{Loader: extract.UnsupportedLoader}
	if r.Loader == "grub" {
		opts.Loader = extract.GRUB
	}
	state, err := ccel.ReplayAndExtract(r.Table, r.Log, bank, opts)
	if err != nil {
		a.Detail = err.Error()
		return a
	}
	a.Verdict = "accept"
	a.Events = len(state.GetRawEvents())
	a.SecureBoot = state.GetSecureBoot().GetEnabled()
	a.Apps = len(state.GetEfi().GetApps())
	a.CommandLine = state.GetLinuxKernel().GetCommandLine()
	return a
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
			if err := out.Encode(judge(&r)); err != nil {
				os.Exit(2)
			}
		}
		if err != nil {
			return
		}
	}
}
