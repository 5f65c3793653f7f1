// Answers: what does the filter do in a proxy. As much of a Proxy-Wasm host as it needs, so that tests need no proxy.
// https://github.com/proxy-wasm/spec (ABI 0.2.0)
import { readFile } from 'node:fs/promises';

const ok = 0;
const pluginConfiguration = 7;
const responseHeaders = 2;

/** Loads a module and configures it. `accepted` is what it says to the configuration. */
export async function load(path, { configuration = '', rootId = '' } = {}) {
  const host = { headers: [], log: [], counters: new Map() };
  const module = await WebAssembly.compile(await readFile(path));
  const instance = await WebAssembly.instantiate(module, importsOf(module, host, { configuration, rootId }));
  host.exports = instance.exports;
  const { proxy_on_context_create: create, proxy_on_vm_start: start, proxy_on_configure: configure } = host.exports;
  create(1, 0);
  const size = Buffer.byteLength(configuration);
  const accepted = start(1, 0) === 1 && configure(1, size) === 1;
  let last = 1;
  return {
    accepted,
    log: host.log,
    counters: host.counters,
    memoryBytes: () => host.exports.memory.buffer.byteLength,
    /** The headers that the filter adds to one response. */
    respond: () => {
      last += 1;
      host.headers = [];
      create(last, 1);
      host.exports.proxy_on_response_headers(last, 0, 1);
      host.exports.proxy_on_done(last);
      host.exports.proxy_on_delete(last);
      return host.headers;
    },
  };
}

function importsOf(module, host, given) {
  const memory = () => new DataView(host.exports.memory.buffer);
  const textAt = (at, size) => Buffer.from(host.exports.memory.buffer, at, size).toString();
  const give = (text, pointerAt, sizeAt) => {
    const bytes = Buffer.from(text);
    const pointer = host.exports.malloc(bytes.length);
    bytes.copy(Buffer.from(host.exports.memory.buffer), pointer);
    memory().setUint32(pointerAt, pointer, true);
    memory().setUint32(sizeAt, bytes.length, true);
    return ok;
  };
  const known = {
    proxy_log: (level, at, size) => void host.log.push(`${level} ${textAt(at, size)}`) ?? ok,
    proxy_get_property: (_at, _size, pointerAt, sizeAt) => give(given.rootId, pointerAt, sizeAt),
    proxy_get_buffer_bytes: (type, start, length, pointerAt, sizeAt) => {
      const bytes = type === pluginConfiguration ? Buffer.from(given.configuration) : Buffer.alloc(0);
      return give(bytes.subarray(start, start + length), pointerAt, sizeAt);
    },
    proxy_add_header_map_value: (type, nameAt, nameSize, valueAt, valueSize) => {
      if (type === responseHeaders) host.headers.push([textAt(nameAt, nameSize), textAt(valueAt, valueSize)]);
      return ok;
    },
    proxy_define_metric: (_type, at, size, idAt) => {
      host.counters.set(textAt(at, size), 0);
      memory().setUint32(idAt, host.counters.size, true);
      return ok;
    },
    proxy_increment_metric: (id, offset) => {
      const name = [...host.counters.keys()][id - 1];
      host.counters.set(name, host.counters.get(name) + Number(offset));
      return ok;
    },
    proc_exit: (code) => {
      throw new Error(`the filter ended with ${code}: ${host.log.at(-1)}`);
    },
  };
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = known[name] ?? (() => ok);
  }
  return imports;
}
