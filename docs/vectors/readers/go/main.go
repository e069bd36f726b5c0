package main

import (
	"crypto/sha256"
	"fmt"
	"log"
	"os"
	"sort"
)

// digest is over everything that a verifier is handed.
func digest(v Vectors, s Subject) string {
	total := sha256.New()
	for _, part := range []struct {
		name  string
		files map[string]string
	}{{"files", s.Files}, {"roots", s.Roots}} {
		names := make([]string, 0, len(part.files))
		for name := range part.files {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			contents, err := v.Contents(part.files[name])
			if err != nil {
				log.Fatal(err)
			}
			fmt.Fprintf(total, "%s/%s\x00%d\x00", part.name, name, len(contents))
			total.Write(contents)
		}
	}
	return fmt.Sprintf("%x", total.Sum(nil))
}

// Prints a line for each case: its id, what is expected, when it is looked at, and digests of what a verifier is handed.
func main() {
	v, err := Read(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range v.Cases {
		// Here a verifier would be handed s.Files, told s.Request, and would trust s.Roots at s.Now.
		s, twin := v.Subjects[c.Subject], v.Subjects[c.Twin]
		fmt.Println(c.ID, c.Expect, s.Now, digest(v, s), digest(v, twin))
	}
}
