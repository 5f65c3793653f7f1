//go:build wasip1

// Answers: how do filter and proxy call each other: the part of Proxy-Wasm ABI 0.2.1 that this filter needs, without an
// SDK. More of it: https://github.com/proxy-wasm/spec
package main

import "unsafe"

const (
	responseHeaders     = 2
	pluginConfiguration = 7
	logError            = 4
)

//go:wasmimport env proxy_log
func proxyLog(level uint32, text *byte, size uint32) uint32

//go:wasmimport env proxy_get_buffer_bytes
func proxyGetBufferBytes(buffer, start, length uint32, bytes *uint32, size *uint32) uint32

//go:wasmimport env proxy_add_header_map_value
func proxyAddHeaderMapValue(headers uint32, name *byte, nameSize uint32, value *byte, valueSize uint32) uint32

func addResponseHeader(name, value string) {
	proxyAddHeaderMapValue(responseHeaders, unsafe.StringData(name), uint32(len(name)), unsafe.StringData(value), uint32(len(value)))
}

// What the proxy was given memory for, until it was read: the collector must not take it.
var given = map[uintptr][]byte{}

//go:wasmexport proxy_on_memory_allocate
func proxyOnMemoryAllocate(size uint32) unsafe.Pointer {
	bytes := make([]byte, max(size, 1))
	pointer := unsafe.Pointer(unsafe.SliceData(bytes))
	given[uintptr(pointer)] = bytes
	return pointer
}

//go:wasmexport proxy_abi_version_0_2_1
func proxyAbiVersion() {}

//go:wasmexport proxy_on_context_create
func proxyOnContextCreate(id, root uint32) {}

//go:wasmexport proxy_on_vm_start
func proxyOnVmStart(root, size uint32) uint32 { return 1 }

//go:wasmexport proxy_on_configure
func proxyOnConfigure(root, size uint32) uint32 {
	var pointer, length uint32
	var configuration []byte
	if size > 0 && proxyGetBufferBytes(pluginConfiguration, 0, size, &pointer, &length) == 0 {
		configuration = given[uintptr(pointer)][:length]
		delete(given, uintptr(pointer))
	}
	if err := configure(configuration); err != nil {
		text := "Cannot use the configuration: " + err.Error()
		proxyLog(logError, unsafe.StringData(text), uint32(len(text)))
		return 0
	}
	return 1
}

//go:wasmexport proxy_on_response_headers
func proxyOnResponseHeaders(id, count, endOfStream uint32) uint32 {
	onResponseHeaders()
	return 0
}

//go:wasmexport proxy_on_done
func proxyOnDone(id uint32) uint32 { return 1 }

//go:wasmexport proxy_on_delete
func proxyOnDelete(id uint32) {}
