//go:build !wasip1

package main

// For tests on the machine, where there is no proxy.
func addResponseHeader(name, value string) {}
