// Answers: what does the filter do with a response. It adds one header, as its configuration says.
// Does not belong here: the configuration (settings.go), the calls between filter and proxy (abi.go).
package main

var settings Settings

// configure is called with every configuration. An error has the proxy refuse it; what ran before goes on.
func configure(configuration []byte) error {
	read, err := readSettings(string(configuration))
	if err == nil {
		settings = read
	}
	return err
}

// onResponseHeaders is called once for each response.
func onResponseHeaders() {
	addResponseHeader(settings.Name, settings.Value)
	if settings.Version != "" {
		addResponseHeader("x-filter-version", settings.Version)
	}
}

func main() {}
