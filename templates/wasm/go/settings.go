// Answers: what does the configuration ask for. A JSON object {"name": …, "value": …, "version": …}, each optional; any
// other text is the value of the header "hello".
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Settings is what the filter is told. An empty Version adds no header x-filter-version.
type Settings struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Version string `json:"version"`
}

func readSettings(text string) (Settings, error) {
	read := Settings{Name: "hello", Value: "world"}
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&read); err != nil {
			return read, err
		}
		if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
			return read, errors.New("something stands behind the object")
		}
	} else if text != "" {
		read.Value = text
	}
	return read, check(read)
}

func check(read Settings) error {
	isOther := func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_", r) }
	if read.Name == "" || strings.IndexFunc(read.Name, isOther) >= 0 {
		return fmt.Errorf("name %q is no name of a header", read.Name)
	}
	// a line end would start another header
	if strings.IndexFunc(read.Value+read.Version, unicode.IsControl) >= 0 {
		return errors.New("value or version has characters that no header may have")
	}
	return nil
}
