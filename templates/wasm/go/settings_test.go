package main

import "testing"

func TestSettings(t *testing.T) {
	for text, want := range map[string]Settings{
		"":         {Name: "hello", Value: "world"},
		"tomorrow": {Name: "hello", Value: "tomorrow"},
		`{"name":"x-greeting","value":"hi","version":"2"}`: {Name: "x-greeting", Value: "hi", Version: "2"},
	} {
		if read, err := readSettings(text); err != nil || read != want {
			t.Errorf("%s: %v, %v", text, read, err)
		}
	}
	for _, text := range []string{`{"value":1}`, `{"valu":"a"}`, `{"name":""}`, `{"value":"a\nb"}`, "{", "{} {}"} {
		if _, err := readSettings(text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
