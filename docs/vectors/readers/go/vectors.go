// Reads teemu's published vectors. Nothing but Go's standard library.
package main

import (
	"encoding/json"
	"os"
)

// Subject is what a verifier is handed; Files and Roots name blobs.
type Subject struct {
	Now          int64
	Request      map[string]any
	Files, Roots map[string]string
}

// Case is one case; Subject and Twin are keys of subjects.
type Case struct{ ID, Tee, Expect, Stage, Reason, Why, Subject, Twin string }

// Vectors is a file.
type Vectors struct {
	Cases    []Case
	Subjects map[string]Subject
	Blobs    map[string]json.RawMessage
}

// Read reads a file.
func Read(path string) (v Vectors, err error) {
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	return v, err
}

// Contents gives the bytes of a blob: base64, or parts of another blob.
func (v Vectors) Contents(key string) (out []byte, err error) {
	if json.Unmarshal(v.Blobs[key], &out) == nil {
		return out, nil // encoding/json reads base64 into bytes by itself.
	}
	var made struct {
		Of    string
		Parts []json.RawMessage
	}
	if err = json.Unmarshal(v.Blobs[key], &made); err != nil {
		return nil, err
	}
	base, err := v.Contents(made.Of)
	for _, part := range made.Parts {
		var run [2]int
		var own []byte
		if json.Unmarshal(part, &run) == nil {
			own = base[run[0] : run[0]+run[1]]
		} else if err = json.Unmarshal(part, &own); err != nil {
			return nil, err
		}
		out = append(out, own...)
	}
	return out, err
}
